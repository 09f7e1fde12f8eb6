package dev.millrace.sink.openai;

/** Text on its way into UTF-8. */
final class Text {
    private static final char REPLACEMENT = '\uFFFD';

    private Text() {}

    /**
     * The text with each surrogate that has no partner replaced by U+FFFD; null stays null. A request line
     * may hold such a surrogate as an escape, UTF-8 cannot, and the JSON generator would end the whole export
     * over it.
     */
    static String wellFormed(String text) {
        if (text == null) {
            return null;
        }
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (!isPair(text, i)) {
                    return replaceLone(text, i);
                }
                i++;
            }
        }
        return text;
    }

    private static boolean isPair(String text, int i) {
        return i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1));
    }

    private static String replaceLone(String text, int from) {
        StringBuilder fixed = new StringBuilder(text);
        for (int i = from; i < fixed.length(); i++) {
            if (Character.isSurrogate(fixed.charAt(i))) {
                if (isPair(text, i)) {
                    i++;
                } else {
                    fixed.setCharAt(i, REPLACEMENT);
                }
            }
        }
        return fixed.toString();
    }
}
