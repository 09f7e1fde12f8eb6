package dev.millrace.it.tidy;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The limits of STYLE.md as checks on a parsed file; each complaint names file, line and what to do
 * instead.
 */
final class HouseRules {
    static final int FILE_LINES_MAX = 400;
    static final int METHOD_LINES_MAX = 60;
    static final int PARAMETERS_MAX = 6;
    static final int LINE_CHARS_MAX = 110;

    /**
     * @param where files it applies to
     */
    private record Ban(Pattern pattern, Predicate<JavaFile> where, String instead) {}

    private static final Predicate<JavaFile> EVERYWHERE = file -> true;

    private static final List<Ban> BANS =
            List.of(
                    ban(
                            "Thread\\.sl" + "eep\\(",
                            EVERYWHERE,
                            "wait for progress: a latch, a future, Consumer.poll, an idle"
                                + " strategy"),
                    ban(
                            "\\bnew Random\\(\\)",
                            EVERYWHERE,
                            "give Random a seed and print it on failure"),
                    ban("Math\\.random\\(", EVERYWHERE, "use a seeded Random"),
                    ban(
                            "\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b",
                            EVERYWHERE,
                            "do it, or open an issue"),
                    ban("^import (?!static).*\\.\\*;", EVERYWHERE, "import what is used by name"),
                    ban(
                            "catch \\((final )?Throwable",
                            file -> !file.isTest(),
                            "catch what can be handled"),
                    ban(
                            "System\\.exit\\(",
                            file -> !file.path().endsWith("ops/Millrace.java") && !file.isTest(),
                            "throw; only the command line ends the process"),
                    ban(
                            "System\\.(out|err)\\b",
                            file -> !file.path().contains("/ops/cli/") && !file.isTest(),
                            "log, or return the text to the command line"),
                    ban(
                            "System\\.currentTimeMillis\\(",
                            file -> !file.isTest(),
                            "take a Clock, so that tests can set it"),
                    ban("\\.printStackTrace\\(\\)", EVERYWHERE, "log the exception"));

    private HouseRules() {}

    /** All complaints about a file; empty when it is tidy. */
    static List<String> complaints(JavaFile file) {
        List<String> complaints = new ArrayList<>();
        if (file.lines().size() > FILE_LINES_MAX) {
            complaints.add(
                    file.path()
                            + " has "
                            + file.lines().size()
                            + " lines, at most "
                            + FILE_LINES_MAX);
        }
        for (JavaFile.Method method : file.methods()) {
            String where = file.path() + ":" + method.line() + " " + method.name();
            if (method.length() > METHOD_LINES_MAX) {
                complaints.add(
                        where + " has " + method.length() + " lines, at most " + METHOD_LINES_MAX);
            }
            if (method.parameters() > PARAMETERS_MAX) {
                complaints.add(
                        where
                                + " has "
                                + method.parameters()
                                + " parameters, at most "
                                + PARAMETERS_MAX);
            }
        }
        for (int i = 0; i < file.lines().size(); i++) {
            complainAboutLine(file, i, complaints);
        }
        return complaints;
    }

    private static void complainAboutLine(JavaFile file, int index, List<String> complaints) {
        String line = file.lines().get(index);
        String where = file.path() + ":" + (index + 1) + " ";
        if (line.length() > LINE_CHARS_MAX) {
            complaints.add(
                    where + "has " + line.length() + " characters, at most " + LINE_CHARS_MAX);
        }
        for (Ban ban : BANS) {
            if (ban.where().test(file)
                    && ban.pattern().matcher(line).find()
                    && !rethrows(file, index)) {
                complaints.add(where + "has " + ban.pattern() + "; instead: " + ban.instead());
            }
        }
    }

    /** A method handle makes its caller catch Throwable; passing it on at once hides nothing. */
    private static boolean rethrows(JavaFile file, int index) {
        boolean caught = file.lines().get(index).contains("catch (Throwable");
        return caught
                && index + 1 < file.lines().size()
                && file.lines().get(index + 1).contains("throw ");
    }

    private static Ban ban(String regex, Predicate<JavaFile> where, String instead) {
        return new Ban(Pattern.compile(regex), where, instead);
    }
}
