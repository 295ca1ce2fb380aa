import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON, as far as the lab's agents write it: the class library has none. */
final class Json {
    private final String text;
    private int place;

    private Json(String text) {
        this.text = text;
    }

    /**
     * Reads one value: a Map, a List, a String, a Double, a Boolean or null.
     *
     * @throws IllegalArgumentException the text is not JSON
     */
    static Object read(String text) {
        Json reader = new Json(text);
        Object value = reader.value();
        reader.skip();
        if (reader.place < text.length()) {
            throw reader.wrong("the end");
        }
        return value;
    }

    /** Writes a value of these types, and any other Number. */
    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private static void write(Object value, StringBuilder out) {
        if (value instanceof Map<?, ?> map) {
            String before = "{";
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                out.append(before);
                write(String.valueOf(entry.getKey()), out);
                out.append(':');
                write(entry.getValue(), out);
                before = ",";
            }
            out.append(map.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> list) {
            String before = "[";
            for (Object one : list) {
                out.append(before);
                write(one, out);
                before = ",";
            }
            out.append(list.isEmpty() ? "[]" : "]");
        } else if (value instanceof String said) {
            out.append('"');
            for (char c : said.toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < ' ' || c > '~') {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            out.append('"');
        } else {
            out.append(value);
        }
    }

    private IllegalArgumentException wrong(String wanted) {
        return new IllegalArgumentException("no JSON: " + wanted + " is missing at " + place);
    }

    private void skip() {
        while (place < text.length() && Character.isWhitespace(text.charAt(place))) {
            place++;
        }
    }

    private boolean take(String wanted) {
        skip();
        boolean there = text.startsWith(wanted, place);
        place += there ? wanted.length() : 0;
        return there;
    }

    private void need(String wanted) {
        if (!take(wanted)) {
            throw wrong(wanted);
        }
    }

    private Object value() {
        if (take("{")) {
            Map<String, Object> map = new LinkedHashMap<>();
            while (!take("}")) {
                if (!map.isEmpty()) {
                    need(",");
                }
                need("\"");
                String name = string();
                need(":");
                map.put(name, value());
            }
            return map;
        }
        if (take("[")) {
            List<Object> list = new ArrayList<>();
            while (!take("]")) {
                if (!list.isEmpty()) {
                    need(",");
                }
                list.add(value());
            }
            return list;
        }
        if (take("\"")) {
            return string();
        }
        if (take("true")) {
            return true;
        }
        if (take("false")) {
            return false;
        }
        if (take("null")) {
            return null;
        }
        int from = place;
        while (place < text.length() && "+-.0123456789eE".indexOf(text.charAt(place)) >= 0) {
            place++;
        }
        if (from == place) {
            throw wrong("a value");
        }
        return Double.valueOf(text.substring(from, place));
    }

    private String string() {
        StringBuilder said = new StringBuilder();
        while (place < text.length()) {
            char c = text.charAt(place++);
            if (c == '"') {
                return said.toString();
            }
            if (c != '\\') {
                said.append(c);
                continue;
            }
            char escaped = text.charAt(place++);
            switch (escaped) {
                case 'u' -> {
                    said.append((char) Integer.parseInt(text.substring(place, place + 4), 16));
                    place += 4;
                }
                case 'n' -> said.append('\n');
                case 't' -> said.append('\t');
                case 'r' -> said.append('\r');
                case 'b' -> said.append('\b');
                case 'f' -> said.append('\f');
                default -> said.append(escaped);
            }
        }
        throw wrong("a quotation mark");
    }
}
