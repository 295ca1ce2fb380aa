import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocket;
import org.apache.commons.net.ProtocolCommandEvent;
import org.apache.commons.net.ProtocolCommandListener;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;
import org.apache.commons.net.ftp.FTPConnectionClosedException;
import org.apache.commons.net.ftp.FTPReply;
import org.apache.commons.net.ftp.FTPSClient;

/** A caller of commons-net's FTPSClient (FTPClient without TLS) who uploads a file. */
final class FtpsAttempt extends Attempt {
    private static final Map<String, String> STEPS =
            Map.of(
                    "AUTH", "starttls",
                    "USER", "login",
                    "PASS", "login",
                    "PBSZ", "protect",
                    "PROT", "protect",
                    "QUIT", "quit");

    private final boolean reuses;

    FtpsAttempt(Map<String, Object> request, boolean reuses) {
        super(request);
        this.reuses = reuses;
    }

    static String version() {
        return FTPSClient.class.getPackage().getImplementationVersion();
    }

    /** Looks on: what is overridden calls what it overrides, and changes nothing. */
    private class Observed extends FTPSClient {
        Observed(boolean implicit) {
            super("TLS", implicit);
        }

        @Override
        protected void _connectAction_() throws IOException {
            step(on("implicit_tls") ? "starttls" : "greeting");
            super._connectAction_();
        }

        @Override
        protected void sslNegotiation() throws IOException {
            super.sslNegotiation();
            noteTls(((SSLSocket) _socket_).getSession(), on("verify"));
        }
    }

    /**
     * What its users write where a server wants the control connection's session on data connections.
     *
     * <p>JSSE looks a session up by the peer's name and port, and a data connection has a port of its own: so
     * the session is put into the cache under that port too, before the handshake. The cache has no public
     * way in.
     */
    private final class Reusing extends Observed {
        Reusing(boolean implicit) {
            super(implicit);
        }

        @Override
        protected void _prepareDataSocket_(Socket socket) throws IOException {
            SSLSession session = ((SSLSocket) _socket_).getSession();
            SSLSessionContext context = session.getSessionContext();
            if (!(socket instanceof SSLSocket) || !session.isValid() || context == null) {
                return;
            }
            try {
                Field field = context.getClass().getDeclaredField("sessionHostPortCache");
                field.setAccessible(true);
                Object cache = field.get(context);
                Method put = cache.getClass().getDeclaredMethod("put", Object.class, Object.class);
                put.setAccessible(true);
                for (String host :
                        new String[] {
                            socket.getInetAddress().getHostName(),
                            socket.getInetAddress().getHostAddress()
                        }) {
                    put.invoke(cache, (host + ":" + socket.getPort()).toLowerCase(), session);
                }
            } catch (ReflectiveOperationException | RuntimeException failed) {
                throw new IOException(failed);
            }
        }
    }

    @Override
    void walk() throws IOException, GeneralSecurityException, Refused {
        step("connect");
        FTPClient client = client();
        client.setConnectTimeout(limitMs());
        client.setDefaultTimeout(limitMs());
        client.setDataTimeout(Duration.ofMillis(limitMs()));
        client.addProtocolCommandListener(
                new ProtocolCommandListener() {
                    @Override
                    public void protocolCommandSent(ProtocolCommandEvent event) {
                        step(STEPS.getOrDefault(event.getCommand(), "put"));
                    }

                    @Override
                    public void protocolReplyReceived(ProtocolCommandEvent event) {
                        report.put("reply_code", event.getReplyCode());
                        report.put("reply_text", words(event.getMessage()));
                    }
                });
        try {
            client.connect(text("host"), number("port"));
            need(FTPReply.isPositiveCompletion(client.getReplyCode()), client);
            boolean used = !text("goal").equals("handshake");
            if (used) {
                use(client);
            }
            try {
                client.logout();
            } catch (FTPConnectionClosedException closed) {
                // That there is no reply to QUIT is no failure; over TLS 1.3 it may be the handshake's.
                if (!used) {
                    throw closed;
                }
            }
        } finally {
            if (client.isConnected()) {
                client.disconnect();
            }
        }
    }

    private FTPClient client() throws IOException, GeneralSecurityException, Refused {
        boolean implicit = on("implicit_tls");
        if (!on("tls") && !implicit) {
            return new FTPClient();
        }
        FTPSClient client = reuses ? new Reusing(implicit) : new Observed(implicit);
        if (on("verify")) {
            // Null is the JVM's own trust manager, in the place of the one that looks at dates alone.
            client.setTrustManager(
                    text("ca_file") == null ? null : Trust.manager(text("ca_file")));
        }
        KeyManager[] own = ownKeys();
        if (own != null) {
            client.setKeyManager(own[0]);
        }
        if (on("check_name")) {
            client.setEndpointCheckingEnabled(true);
        }
        if (names("protocols") != null) {
            client.setEnabledProtocols(names("protocols"));
        }
        if (names("suites") != null) {
            client.setEnabledCipherSuites(names("suites"));
        }
        return client;
    }

    private void use(FTPClient client) throws IOException, GeneralSecurityException, Refused {
        step("login");
        need(client.login(text("user"), text("password")), client);
        if (client instanceof FTPSClient secure && on("protect_data")) {
            secure.execPBSZ(0);
            secure.execPROT("P");
        }
        if (!text("goal").equals("transfer")) {
            return;
        }
        need(client.setFileType(FTP.BINARY_FILE_TYPE), client);
        if (on("passive")) {
            client.enterLocalPassiveMode();
        }
        Map<?, ?> payload = (Map<?, ?>) request.get("payload");
        String name = (String) payload.get("name");
        byte[] file = content(name, ((Number) payload.get("size")).intValue());
        need(client.storeFile(name, new ByteArrayInputStream(file)), client);
        if (client instanceof FTPSClient) {
            report.put("data_protected", on("protect_data"));
        }
    }

    /** The file to deliver: its name on line after line, cut to size. */
    private static byte[] content(String name, int size) {
        byte[] line = (name + "\n").getBytes(StandardCharsets.UTF_8);
        byte[] whole = new byte[size];
        for (int i = 0; i < size; i++) {
            whole[i] = line[i % line.length];
        }
        return whole;
    }

    /** What a call says by its value is printed as its callers print it. */
    private static void need(boolean done, FTPClient client) throws Refused {
        if (!done) {
            throw new Refused(client.getReplyString().strip());
        }
    }

    /** A reply without its code. */
    private static String words(String reply) {
        String line = reply.strip();
        int last = line.lastIndexOf('\n');
        String end = last < 0 ? line : line.substring(last + 1);
        return end.length() > 4 ? end.substring(4) : "";
    }
}
