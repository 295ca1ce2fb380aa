import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509TrustManager;

/** The steps of an attempt in their order, and what was seen at each. */
abstract class Attempt {
    final Map<String, Object> request;
    final Map<String, Object> report = new LinkedHashMap<>();
    /** The answer is given: what a thread of the library still does belongs to no attempt. */
    private boolean over;

    Attempt(Map<String, Object> request) {
        this.request = request;
        report.put("failed", false);
        report.put("library", "JSSE of Java " + System.getProperty("java.runtime.version"));
    }

    /** Takes the steps; what it throws is what the program's user sees. */
    abstract void walk() throws IOException, GeneralSecurityException, Refused;

    /** A program that goes on no further, without an exception; the text is what it prints. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    Map<String, Object> run() {
        long started = System.nanoTime();
        try {
            Trust.followSystemStore();
            walk();
        } catch (Refused refused) {
            fail(refused.getMessage(), refused.getMessage());
        } catch (IOException | GeneralSecurityException | IllegalArgumentException thrown) {
            // What the library and its callers throw; anything else is a defect of this program.
            List<String> said = new ArrayList<>();
            for (Throwable one = thrown; one != null; one = one.getCause()) {
                said.add(one.toString());
            }
            // As a stack trace has them, without the frames.
            fail(said.stream().collect(Collectors.joining("; Caused by: ")), said.get(0));
        }
        return ended(started);
    }

    private synchronized Map<String, Object> ended(long started) {
        over = true;
        report.put("elapsed_ms", (System.nanoTime() - started) / 1e6);
        return report;
    }

    private synchronized void fail(String error, String message) {
        report.put("failed", true);
        report.put("error", error);
        report.put("message", message);
    }

    synchronized void step(String name) {
        if (over) {
            return;
        }
        report.put("step", name);
        try {
            Main.tellStep(report);
        } catch (IOException gone) {
            throw new IllegalStateException(gone);
        }
    }

    synchronized void noteTls(SSLSession session, boolean verified) {
        if (over) {
            return;
        }
        report.put("protocol", session.getProtocol());
        report.put("suite", session.getCipherSuite());
        report.put("verified", verified);
    }

    /** A context with the trust manager and the keys that the request wants; else the JVM's own. */
    SSLContext context() throws IOException, GeneralSecurityException {
        X509TrustManager manager = null;
        if (!on("verify")) {
            manager = Trust.everybody();
        } else if (text("ca_file") != null) {
            manager = Trust.manager(text("ca_file"));
        }
        return Trust.context(manager, ownKeys());
    }

    /** What the client shows of itself; null: nothing. */
    KeyManager[] ownKeys() throws IOException, GeneralSecurityException {
        return text("certificate") == null
                ? null
                : Keys.managers(Path.of(text("certificate")), Path.of(text("key")));
    }

    String text(String name) {
        return (String) request.get(name);
    }

    int number(String name) {
        return ((Number) request.get(name)).intValue();
    }

    boolean on(String name) {
        return Boolean.TRUE.equals(request.get(name));
    }

    int limitMs() {
        return (int) (((Number) request.get("timeout_s")).doubleValue() * 1000);
    }

    /** A list of names in the request; null: the library's own. */
    String[] names(String name) {
        List<?> list = (List<?>) request.get(name);
        return list == null ? null : list.stream().map(String::valueOf).toArray(String[]::new);
    }
}
