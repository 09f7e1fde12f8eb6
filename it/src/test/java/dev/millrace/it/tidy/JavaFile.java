package dev.millrace.it.tidy;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** A source file as the compiler's parser sees it: its lines and its methods. */
record JavaFile(String path, String text, List<String> lines, List<Method> methods) {

    /**
     * @param length lines from signature to closing brace
     */
    record Method(String name, int line, int length, int parameters) {}

    static JavaFile parse(String path, String text) {
        List<Method> methods = new ArrayList<>();
        var compiler = ToolProvider.getSystemJavaCompiler();
        JavacTask task =
                (JavacTask)
                        compiler.getTask(
                                null,
                                null,
                                diagnostic -> {},
                                List.of("-proc:none"),
                                null,
                                List.of(new Source(path, text)));
        SourcePositions positions = Trees.instance(task).getSourcePositions();
        try {
            for (CompilationUnitTree unit : task.parse()) {
                new MethodScanner(unit, positions, methods).scan(unit, null);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new JavaFile(path, text, text.lines().toList(), methods);
    }

    boolean isTest() {
        return path.contains("/src/test/");
    }

    private static final class MethodScanner extends TreePathScanner<Void, Void> {
        private final CompilationUnitTree unit;
        private final SourcePositions positions;
        private final List<Method> methods;

        MethodScanner(CompilationUnitTree unit, SourcePositions positions, List<Method> methods) {
            this.unit = unit;
            this.positions = positions;
            this.methods = methods;
        }

        @Override
        public Void visitMethod(MethodTree method, Void unused) {
            int first = line(positions.getStartPosition(unit, method));
            int last = line(positions.getEndPosition(unit, method));
            boolean ofRecord =
                    getCurrentPath().getParentPath().getLeaf() instanceof ClassTree owner
                            && owner.getKind() == Tree.Kind.RECORD
                            && method.getName().contentEquals("<init>");
            // A record's components are its data; its constructor has no say in how many there are.
            int parameters = ofRecord ? 0 : method.getParameters().size();
            methods.add(
                    new Method(method.getName().toString(), first, last - first + 1, parameters));
            return super.visitMethod(method, unused);
        }

        private int line(long position) {
            return (int) unit.getLineMap().getLineNumber(position);
        }
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String path, String text) {
            super(URI.create("string:///" + path), JavaFileObject.Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }
}
