package dev.millrace.engine.structured;

import java.util.Map;

/**
 * The values of {@code format} that OpenAI's structured outputs know, as regular expressions of
 * bounded length. Each has only valid texts (a date exists in its month, leap years included),
 * though not all of them: host names and mail addresses are the plain ASCII ones, and a time
 * without a date is in UTC.
 */
final class Formats {
    private static final String LEAP_YEAR =
            "(\\d\\d(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)";
    private static final String DATE =
            "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)"
                    + "|02-(0[1-9]|1\\d|2[0-8]))|"
                    + LEAP_YEAR
                    + "-02-29)";
    private static final String TIME =
            "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?";
    private static final String OFFSET = "(Z|[+-](0\\d|1[0-7]):[0-5]\\d)";
    private static final String CLOCK =
            "T(\\d{1,4}H(\\d{1,2}M(\\d{1,2}S)?)?|\\d{1,4}M(\\d{1,2}S)?|\\d{1,4}S)";
    private static final String DURATION =
            "P(\\d{1,4}W|(\\d{1,4}Y(\\d{1,2}M(\\d{1,2}D)?)?|\\d{1,4}M(\\d{1,2}D)?|\\d{1,4}D)("
                    + CLOCK
                    + ")?|"
                    + CLOCK
                    + ")";
    private static final String LABEL = "[a-z]([a-z0-9]{0,20}[a-z0-9])?";
    private static final String DOMAIN = "(" + LABEL + "\\.){1,4}[a-z]{2,12}";
    private static final String MAILBOX =
            "[A-Za-z0-9]([A-Za-z0-9_-]{0,30}[A-Za-z0-9])?(\\.[A-Za-z0-9]{1,20})?";
    private static final String BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final String GROUP = "[0-9a-fA-F]{1,4}";
    private static final String HEX4 = "[0-9a-fA-F]{4}";

    private static final Map<String, String> REGEX =
            Map.of(
                    "date", DATE,
                    "time", TIME + "Z",
                    "date-time", DATE + "T" + TIME + OFFSET,
                    "duration", DURATION,
                    "email", MAILBOX + "@" + DOMAIN,
                    "hostname", "(" + LABEL + "\\.){0,4}" + LABEL,
                    "ipv4", "(" + BYTE + "\\.){3}" + BYTE,
                    "ipv6", ipv6(),
                    "uuid", "[0-9a-fA-F]{8}(-" + HEX4 + "){3}-[0-9a-fA-F]{12}");

    private Formats() {}

    /** Null for an unknown name. */
    static String regex(String name) {
        return REGEX.get(name);
    }

    static String names() {
        return String.join(", ", REGEX.keySet().stream().sorted().toList());
    }

    /**
     * Eight groups, or at most six with one :: among them (RFC 4291, without IPv4 at the end).
     */
    private static String ipv6() {
        StringBuilder all = new StringBuilder("(" + GROUP + ":){7}" + GROUP);
        for (int before = 0; before <= 6; before++) {
            String left = before == 0 ? "" : GROUP + "(:" + GROUP + "){" + (before - 1) + "}";
            String right =
                    before == 6 ? "" : "(" + GROUP + "(:" + GROUP + "){0," + (5 - before) + "})?";
            all.append('|').append(left).append("::").append(right);
        }
        return "(" + all + ")";
    }
}
