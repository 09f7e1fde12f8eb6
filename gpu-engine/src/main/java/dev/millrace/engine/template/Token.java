package dev.millrace.engine.template;

/**
 * A piece of a template.
 *
 * @param text the text of data, a name or a string with its escapes resolved; the digits of a
 *     number; the operator itself
 * @param line where it starts, from 1
 */
record Token(Type type, String text, int line) {

    enum Type {
        DATA("template data"),
        VARIABLE_BEGIN("begin of print statement"),
        VARIABLE_END("end of print statement"),
        BLOCK_BEGIN("begin of statement block"),
        BLOCK_END("end of statement block"),
        NAME("name"),
        STRING("string"),
        INTEGER("integer"),
        FLOAT("float"),
        OPERATOR("operator"),
        END("end of template");

        private final String words;

        Type(String words) {
            this.words = words;
        }

        String words() {
            return words;
        }
    }

    boolean is(Type other) {
        return type == other;
    }

    boolean isName(String name) {
        return type == Type.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return type == Type.OPERATOR && text.equals(operator);
    }

    /** How a message names it. */
    String describe() {
        return type == Type.NAME || type == Type.OPERATOR ? text : type.words();
    }
}
