import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/** A caller of java.net.http.HttpClient who asks a web origin for a page. */
final class HttpAttempt extends Attempt {
    HttpAttempt(Map<String, Object> request) {
        super(request);
    }

    /** Loads what a connection loads; nobody listens there. */
    static void warmUp() throws IOException {
        HttpClient client = HttpClient.newHttpClient();
        String host = InetAddress.getLoopbackAddress().getHostAddress();
        try {
            send(client, HttpRequest.newBuilder(URI.create("https://" + host + ":1/")).build());
        } catch (IOException expected) {
            // Nobody listens there.
        } finally {
            close(client);
        }
    }

    @Override
    void walk() throws IOException, GeneralSecurityException, Refused {
        step("connect");
        Duration limit = Duration.ofMillis(limitMs());
        HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(limit);
        if (on("tls")) {
            builder.sslContext(
                    new WatchedContext(context(), () -> step("handshake"), this::finished));
        }
        if (names("protocols") != null || names("suites") != null) {
            builder.sslParameters(new SSLParameters(names("suites"), names("protocols")));
        }
        String scheme = on("tls") ? "https" : "http";
        HttpRequest asked =
                HttpRequest.newBuilder(
                                URI.create(
                                        scheme + "://" + text("host") + ":" + number("port") + "/"))
                        .timeout(limit)
                        .header("Authorization", text("authorization"))
                        .build();
        HttpClient client = builder.build();
        try {
            int status = send(client, asked).statusCode();
            step("response");
            report.put("reply_code", status);
            if (status != HttpURLConnection.HTTP_OK) {
                throw new Refused("HTTP status " + status);
            }
        } catch (IOException thrown) {
            // Without TLS its class alone tells whether there was a connection.
            if (!on("tls")
                    && !(thrown instanceof ConnectException)
                    && !(thrown instanceof HttpConnectTimeoutException)) {
                step("response");
            }
            throw thrown;
        } finally {
            close(client);
        }
    }

    private void finished(SSLSession session) {
        noteTls(session, on("verify"));
        step("response");
    }

    private static HttpResponse<Void> send(HttpClient client, HttpRequest asked) throws IOException {
        try {
            return client.send(asked, HttpResponse.BodyHandlers.discarding());
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /**
     * Ends its connections and its thread, when the attempt is over: another one finds the worker as it was.
     * Since Java 21 a client can be closed. Before, it ends some time after nobody refers to it any more, and
     * what it does then is done at once; its package has to be opened for that.
     */
    private static void close(HttpClient client) throws IOException {
        Object one = client;
        try {
            if (one instanceof AutoCloseable open) {
                open.close();
                return;
            }
            Object manager = inside(inside(client, "impl"), "selmgr");
            Method shutdown = manager.getClass().getDeclaredMethod("shutdown");
            shutdown.setAccessible(true);
            shutdown.invoke(manager);
            ((Thread) manager).join();
        } catch (IOException failed) {
            throw failed;
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static Object inside(Object one, String name) throws ReflectiveOperationException {
        Field field = one.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(one);
    }
}
