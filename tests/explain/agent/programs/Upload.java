import java.io.FileInputStream;
import java.time.Duration;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;
import org.apache.commons.net.ftp.FTPSClient;
import org.apache.commons.net.util.TrustManagerUtils;

/** Upload a file with Apache Commons Net. */
public class Upload {
    public static void main(String[] arguments) throws Exception {
        boolean plain = arguments[3].equals("plain");
        FTPClient client;
        if (plain) {
            client = new FTPClient();
        } else {
            FTPSClient protectedClient = new FTPSClient(arguments[3].equals("implicit"));
            protectedClient.setEndpointCheckingEnabled(true);
            protectedClient.setTrustManager(
                TrustManagerUtils.getDefaultTrustManager(trusted(System.getProperty("javax.net.ssl.trustStore"))));
            client = protectedClient;
        }
        client.setConnectTimeout(4000);
        client.setDefaultTimeout(4000);
        client.connect(arguments[0], Integer.parseInt(arguments[1]));
        if (!client.login("lab", System.getenv("PASSWORD"))) throw new java.io.IOException(client.getReplyString());
        if (client instanceof FTPSClient) {
            ((FTPSClient) client).execPBSZ(0);
            ((FTPSClient) client).execPROT("P");
        }
        client.enterLocalPassiveMode();
        client.setFileType(FTP.BINARY_FILE_TYPE);
        try (FileInputStream file = new FileInputStream(arguments[2])) {
            if (!client.storeFile("delivery.bin", file)) throw new java.io.IOException(client.getReplyString());
        }
        client.logout();
    }

    private static java.security.KeyStore trusted(String file) throws Exception {
        java.security.KeyStore store = java.security.KeyStore.getInstance("PKCS12");
        try (FileInputStream stream = new FileInputStream(file)) {
            store.load(stream, "changeit".toCharArray());
        }
        return store;
    }
}
