import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.net.ssl.SSLSocket;

/**
 * A worker: started once, it makes one attempt after the other. A request is a JSON object on a line of
 * standard input, an answer one on descriptor 3; on descriptor 4 it says how far it has come.
 *
 * <p>{@code java Main ftps|ftps-reuse|web|http}
 */
public final class Main {
    private static OutputStream answers;
    private static OutputStream steps;

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        answers = new FileOutputStream("/dev/fd/3");
        steps = new FileOutputStream("/dev/fd/4");
        String kind = arguments[0];
        Map<String, Object> versions = new LinkedHashMap<>();
        versions.put("java", System.getProperty("java.runtime.version"));
        if (kind.startsWith("ftps")) {
            versions.put("commons-net", FtpsAttempt.version());
        }
        warmUp();
        if (kind.equals("http")) {
            HttpAttempt.warmUp();
        }
        tell(Map.of("ready", true, "versions", versions));
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            @SuppressWarnings("unchecked")
            Map<String, Object> request = (Map<String, Object>) Json.read(line);
            tell(Map.of("result", attempt(kind, request).run()));
        }
    }

    private static Attempt attempt(String kind, Map<String, Object> request) {
        return switch (kind) {
            case "web" -> new WebAttempt(request);
            case "http" -> new HttpAttempt(request);
            default -> new FtpsAttempt(request, kind.equals("ftps-reuse"));
        };
    }

    /** Loads what a connection loads, so that the first attempt does not. */
    private static void warmUp() throws Exception {
        Trust.followSystemStore();
        try (Socket nobody = new Socket(InetAddress.getLoopbackAddress(), 1)) {
            nobody.getLocalPort();
        } catch (IOException expected) {
            // Nobody listens there.
        }
        try (SSLSocket socket =
                (SSLSocket) Trust.context(null, null).getSocketFactory().createSocket()) {
            socket.getEnabledCipherSuites();
        }
    }

    static void tell(Map<String, ?> message) throws IOException {
        write(answers, message);
    }

    static void tellStep(Map<String, ?> report) throws IOException {
        write(steps, report);
    }

    private static synchronized void write(OutputStream to, Map<String, ?> message)
            throws IOException {
        to.write((Json.write(message) + "\n").getBytes(StandardCharsets.UTF_8));
        to.flush();
    }
}
