import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Trust anchors: Java reads key stores, and no PEM. */
final class Trust {
    /** What the lab has clients trust, and where the image's link for Java leads. */
    private static final Path SYSTEM = Path.of("/run/lab/cert.pem");

    private static final Path JAVAS = Path.of("/run/lab/cacerts");
    /** As ca-certificates-java has it. */
    private static final char[] PASSWORD = "changeit".toCharArray();

    private Trust() {}

    /**
     * Does what ca-certificates-java does where the system's certificates change.
     *
     * <p>Which of them are newer cannot be told from their times: what the lab puts there has a time that
     * follows from its content. The store made of it is given the same one.
     */
    static void followSystemStore() throws IOException, GeneralSecurityException {
        FileTime followed = Files.getLastModifiedTime(SYSTEM);
        if (Files.exists(JAVAS) && Files.getLastModifiedTime(JAVAS).equals(followed)) {
            return;
        }
        Path own = Files.createTempFile(JAVAS.getParent(), "cacerts", "");
        try (OutputStream out = Files.newOutputStream(own)) {
            anchors(SYSTEM).store(out, PASSWORD);
        }
        Files.setLastModifiedTime(own, followed);
        Files.move(own, JAVAS, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The certificates of a PEM file, as a key store. */
    static KeyStore anchors(Path pem) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("JKS");
        store.load(null, null);
        try (InputStream in = Files.newInputStream(pem)) {
            int number = 0;
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("anchor-" + number++, one);
            }
        }
        return store;
    }

    /** The trust manager of these anchors; of the JVM's own store, where there are none. */
    static X509TrustManager manager(String pem) throws IOException, GeneralSecurityException {
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(pem == null ? null : anchors(Path.of(pem)));
        return (X509TrustManager) factory.getTrustManagers()[0];
    }

    /** One that trusts everybody. */
    static X509TrustManager everybody() {
        return new X509TrustManager() {
            @Override
            public void checkClientTrusted(X509Certificate[] chain, String type) {}

            @Override
            public void checkServerTrusted(X509Certificate[] chain, String type) {}

            @Override
            public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
            }
        };
    }

    /** A context of its own, and so sessions of its own, as a new JVM has them. */
    static SSLContext context(X509TrustManager manager, KeyManager[] own)
            throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(own, manager == null ? null : new TrustManager[] {manager}, null);
        return context;
    }
}
