package dev.millrace.engine.template;

import java.time.ZonedDateTime;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/**
 * {@code datetime.strftime} in the C locale, with glibc's flags {@code - _ 0 ^}. The time has no
 * zone, as there.
 */
final class Strftime {
    private Strftime() {}

    static String format(String pattern, ZonedDateTime time) {
        StringBuilder out = new StringBuilder();
        int i = 0;
        while (i < pattern.length()) {
            char c = pattern.charAt(i++);
            if (c != '%' || i == pattern.length()) {
                out.append(c);
                continue;
            }
            int start = i - 1;
            char flag = "-_0^".indexOf(pattern.charAt(i)) >= 0 ? pattern.charAt(i++) : '\0';
            String field = i < pattern.length() ? field(pattern.charAt(i++), flag, time) : null;
            out.append(
                    field == null
                            ? pattern.substring(start, i)
                            : flag == '^' ? field.toUpperCase(Locale.ROOT) : field);
        }
        return out.toString();
    }

    /** One directive, or null where it is unknown. */
    private static String field(char directive, char flag, ZonedDateTime time) {
        return switch (directive) {
            case 'Y' -> number(time.getYear(), 1, flag, ' ');
            case 'C' -> number(time.getYear() / 100, 2, flag, '0');
            case 'y' -> number(time.getYear() % 100, 2, flag, '0');
            case 'm' -> number(time.getMonthValue(), 2, flag, '0');
            case 'd' -> number(time.getDayOfMonth(), 2, flag, '0');
            case 'e' -> number(time.getDayOfMonth(), 2, flag, ' ');
            case 'j' -> number(time.getDayOfYear(), 3, flag, '0');
            case 'H' -> number(time.getHour(), 2, flag, '0');
            case 'k' -> number(time.getHour(), 2, flag, ' ');
            case 'I' -> number(hour12(time), 2, flag, '0');
            case 'l' -> number(hour12(time), 2, flag, ' ');
            case 'M' -> number(time.getMinute(), 2, flag, '0');
            case 'S' -> number(time.getSecond(), 2, flag, '0');
            case 'f' -> String.format("%06d", time.getNano() / 1000);
            case 's' -> Long.toString(time.toEpochSecond());
            case 'u' -> Integer.toString(time.getDayOfWeek().getValue());
            case 'w' -> Integer.toString(time.getDayOfWeek().getValue() % 7);
            case 'U' ->
                    number(
                            (time.getDayOfYear() + 6 - time.getDayOfWeek().getValue() % 7) / 7,
                            2,
                            flag,
                            '0');
            case 'W' ->
                    number(
                            (time.getDayOfYear() + 6 - (time.getDayOfWeek().getValue() + 6) % 7)
                                    / 7,
                            2,
                            flag,
                            '0');
            case 'G' -> Integer.toString(time.get(IsoFields.WEEK_BASED_YEAR));
            case 'V' -> number(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2, flag, '0');
            default -> words(directive, time);
        };
    }

    private static String words(char directive, ZonedDateTime time) {
        return switch (directive) {
            case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' ->
                    time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH).substring(0, 3);
            case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'a' ->
                    time.getDayOfWeek()
                            .getDisplayName(TextStyle.FULL, Locale.ENGLISH)
                            .substring(0, 3);
            case 'p' -> time.get(ChronoField.AMPM_OF_DAY) == 0 ? "AM" : "PM";
            case 'P' -> time.get(ChronoField.AMPM_OF_DAY) == 0 ? "am" : "pm";
            case 'Z', 'z' -> "";
            case 'D', 'x' -> format("%m/%d/%y", time);
            case 'F' -> format("%Y-%m-%d", time);
            case 'T', 'X' -> format("%H:%M:%S", time);
            case 'R' -> format("%H:%M", time);
            case 'r' -> format("%I:%M:%S %p", time);
            case 'c' -> format("%a %b %e %H:%M:%S %Y", time);
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default -> null;
        };
    }

    private static int hour12(ZonedDateTime time) {
        return time.getHour() % 12 == 0 ? 12 : time.getHour() % 12;
    }

    private static String number(int value, int width, char flag, char pad) {
        char fill = flag == '_' ? ' ' : flag == '0' ? '0' : pad;
        String digits = Integer.toString(value);
        return flag == '-' || digits.length() >= width
                ? digits
                : String.valueOf(fill).repeat(width - digits.length()) + digits;
    }
}
