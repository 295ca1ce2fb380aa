import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;

/** A client's own certificate: JSSE takes it from a key store, and Java reads no key but PKCS #8. */
final class Keys {
    private static final Pattern PEM =
            Pattern.compile("-----BEGIN (RSA |EC |)PRIVATE KEY-----([^-]+)-----END ");
    private static final int INTEGER = 0x02;
    private static final int OCTET_STRING = 0x04;
    private static final int SEQUENCE = 0x30;
    /** ECPrivateKey's parameters: RFC 5915, section 3. */
    private static final int PARAMETERS = 0xa0;

    /** rsaEncryption, and the NULL that stands for its parameters: RFC 3279, section 2.3.1. */
    private static final byte[] RSA = bytes(0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0);
    /** id-ecPublicKey: RFC 5480, section 2.1.1. */
    private static final byte[] EC = bytes(0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1);

    private Keys() {}

    /**
     * The key managers of a chain and its key.
     *
     * @param chain a PEM file, the client's certificate first
     * @param key a PEM file: PKCS #8, PKCS #1 (RSA) or SEC 1 (EC), not encrypted
     * @throws IllegalArgumentException there is no such key in the file
     */
    static KeyManager[] managers(Path chain, Path key) throws IOException, GeneralSecurityException {
        Certificate[] certificates;
        try (InputStream in = Files.newInputStream(chain)) {
            certificates =
                    CertificateFactory.getInstance("X.509")
                            .generateCertificates(in)
                            .toArray(new Certificate[0]);
        }
        String algorithm = certificates[0].getPublicKey().getAlgorithm();
        PrivateKey own =
                KeyFactory.getInstance(algorithm)
                        .generatePrivate(new PKCS8EncodedKeySpec(pkcs8(Files.readString(key))));
        char[] password = new char[0];
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("client", own, password, certificates);
        KeyManagerFactory factory =
                KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, password);
        return factory.getKeyManagers();
    }

    /** A key's PEM as PrivateKeyInfo: RFC 5208, section 5 (version 0, algorithm, the key as it was). */
    private static byte[] pkcs8(String pem) {
        Matcher found = PEM.matcher(pem);
        if (!found.find()) {
            throw new IllegalArgumentException("the file has no private key that is not encrypted");
        }
        byte[] key = Base64.getMimeDecoder().decode(found.group(2));
        if (found.group(1).isEmpty()) {
            return key;
        }
        byte[] algorithm = found.group(1).startsWith("RSA") ? RSA : joined(EC, curve(key));
        return element(
                SEQUENCE,
                joined(
                        element(INTEGER, new byte[1]),
                        element(SEQUENCE, algorithm),
                        element(OCTET_STRING, key)));
    }

    /** The curve of an ECPrivateKey, as its optional parameters name it. */
    private static byte[] curve(byte[] key) {
        ByteBuffer fields = content(ByteBuffer.wrap(key), SEQUENCE);
        content(fields, INTEGER);
        content(fields, OCTET_STRING);
        ByteBuffer parameters = content(fields, PARAMETERS);
        byte[] named = new byte[parameters.remaining()];
        parameters.get(named);
        return named;
    }

    /** What is in the next element, which is passed. */
    private static ByteBuffer content(ByteBuffer from, int tag) {
        if ((from.get() & 0xff) != tag) {
            throw new IllegalArgumentException("no ECPrivateKey with the name of its curve");
        }
        int length = from.get() & 0xff;
        if (length > 0x80) {
            int bytes = length - 0x80;
            length = 0;
            for (int i = 0; i < bytes; i++) {
                length = length << 8 | from.get() & 0xff;
            }
        }
        ByteBuffer inside = from.slice(from.position(), length);
        from.position(from.position() + length);
        return inside;
    }

    private static byte[] element(int tag, byte[] content) {
        int length = content.length;
        byte[] head =
                length < 0x80
                        ? bytes(tag, length)
                        : length < 0x100
                                ? bytes(tag, 0x81, length)
                                : bytes(tag, 0x82, length >> 8, length);
        return joined(head, content);
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] bytes(int... values) {
        byte[] made = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            made[i] = (byte) values[i];
        }
        return made;
    }
}
