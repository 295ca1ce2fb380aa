import java.net.URI;
import java.net.URLConnection;

/** Fetch an address. */
public class Fetch {
    public static void main(String[] arguments) throws Exception {
        URLConnection connection = URI.create(arguments[0]).toURL().openConnection();
        connection.setConnectTimeout(4000);
        connection.setReadTimeout(4000);
        System.out.write(connection.getInputStream().readAllBytes());
        System.out.flush();
    }
}
