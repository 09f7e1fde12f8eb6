package dev.millrace.engine.template;

/**
 * Text marked as safe HTML by the filters {@code safe} and {@code escape}: plain text added to it
 * is escaped.
 */
record Markup(String text) {

    static Markup escape(Object value) {
        if (value instanceof Markup markup) {
            return markup;
        }
        return new Markup(
                PyValues.str(value)
                        .replace("&", "&amp;")
                        .replace(">", "&gt;")
                        .replace("<", "&lt;")
                        .replace("'", "&#39;")
                        .replace("\"", "&#34;"));
    }
}
