import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.security.GeneralSecurityException;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** A caller of HttpsURLConnection who asks a web origin for a page. */
final class WebAttempt extends Attempt {
    WebAttempt(Map<String, Object> request) {
        super(request);
    }

    @Override
    void walk() throws IOException, GeneralSecurityException, Refused {
        step("connect");
        if (text("goal").equals("handshake")) {
            shakeHands();
        } else {
            ask();
        }
    }

    private SSLSocketFactory factory() throws IOException, GeneralSecurityException {
        return new Factory(context().getSocketFactory());
    }

    private void ask() throws IOException, GeneralSecurityException, Refused {
        String scheme = on("tls") ? "https" : "http";
        URL where = URI.create(scheme + "://" + text("host") + ":" + number("port") + "/").toURL();
        HttpURLConnection connection = (HttpURLConnection) where.openConnection();
        connection.setConnectTimeout(limitMs());
        connection.setReadTimeout(limitMs());
        connection.setRequestProperty("Authorization", text("authorization"));
        connection.setRequestProperty("Connection", "close");
        if (connection instanceof HttpsURLConnection https) {
            https.setSSLSocketFactory(factory());
            if (!on("verify")) {
                https.setHostnameVerifier((name, session) -> true);
            }
        }
        connection.connect();
        if (connection instanceof HttpsURLConnection https) {
            Optional<SSLSession> session = https.getSSLSession();
            if (session.isPresent()) {
                noteTls(session.get(), on("verify"));
            }
        }
        step("response");
        int status = connection.getResponseCode();
        report.put("reply_code", status);
        report.put("reply_text", connection.getResponseMessage());
        if (status != HttpURLConnection.HTTP_OK) {
            throw new Refused("HTTP status " + status + " " + connection.getResponseMessage());
        }
        try (InputStream body = connection.getInputStream()) {
            body.transferTo(OutputStream.nullOutputStream());
        }
    }

    /**
     * Connects, shakes hands and leaves. Over TLS 1.3 a server refuses a client's certificate when the
     * client has finished: so it is waited for the server's end.
     */
    private void shakeHands() throws IOException, GeneralSecurityException, Refused {
        try (Socket plain = new Socket()) {
            plain.connect(new InetSocketAddress(text("host"), number("port")), limitMs());
            if (!on("tls")) {
                return;
            }
            plain.setSoTimeout(limitMs());
            SSLSocket socket =
                    (SSLSocket) factory().createSocket(plain, text("host"), number("port"), true);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm(on("verify") ? "HTTPS" : null);
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            noteTls(socket.getSession(), on("verify"));
            if (!socket.getSession().getProtocol().equals("TLSv1.3")) {
                return;
            }
            socket.shutdownOutput();
            try {
                socket.getInputStream().transferTo(OutputStream.nullOutputStream());
            } catch (SSLException refused) {
                if (refused.getMessage().contains("Received fatal alert")) {
                    throw refused;
                }
            } catch (IOException closed) {
                // That the server merely closes is no failure.
            }
        }
    }

    /**
     * Sockets as the request wants them. It makes none that is not connected: the library then connects a plain
     * one, and hands it over when it is to shake hands.
     */
    private final class Factory extends SSLSocketFactory {
        private final SSLSocketFactory own;

        Factory(SSLSocketFactory own) {
            this.own = own;
        }

        private Socket told(Socket socket) {
            SSLSocket protectedSocket = (SSLSocket) socket;
            if (names("protocols") != null) {
                protectedSocket.setEnabledProtocols(names("protocols"));
            }
            if (names("suites") != null) {
                protectedSocket.setEnabledCipherSuites(names("suites"));
            }
            return protectedSocket;
        }

        @Override
        public String[] getDefaultCipherSuites() {
            return own.getDefaultCipherSuites();
        }

        @Override
        public String[] getSupportedCipherSuites() {
            return own.getSupportedCipherSuites();
        }

        @Override
        public Socket createSocket(Socket plain, String host, int port, boolean closes)
                throws IOException {
            step("handshake");
            return told(own.createSocket(plain, host, port, closes));
        }

        @Override
        public Socket createSocket(String host, int port) throws IOException {
            return told(own.createSocket(host, port));
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress from, int fromPort)
                throws IOException {
            return told(own.createSocket(host, port, from, fromPort));
        }

        @Override
        public Socket createSocket(InetAddress host, int port) throws IOException {
            return told(own.createSocket(host, port));
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort)
                throws IOException {
            return told(own.createSocket(host, port, from, fromPort));
        }
    }
}
