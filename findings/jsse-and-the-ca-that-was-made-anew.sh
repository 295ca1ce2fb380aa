#!/usr/bin/env bash
# Of a certificate of a CA that was made anew, Java does not say what it says of every other unknown issuer.
#
# Behaviour. A server's certificate is of a CA that was made anew: a new key under the old name, as happens with a
# CA of one's own whose certificate has expired, or whose key was lost. A Java program that still trusts the old one
# refuses with "PKIX path validation failed: ... Path does not chain with any of the trust anchors". The sentence that
# everybody looks for, "unable to find valid certification path to requested target", comes only where nobody of the
# issuer's name is trusted: JSSE looks for a trust anchor by its name first, and where it finds one it builds no path.
# Nothing in its words names the CA, or says that there are two of one name. With both in the store, or the new one
# alone, the same program connects.
#
# The guess. An issuer that is not trusted is one refusal with one sentence, whatever else is in the trust store; and a
# text about the validation of a path, not the building of one, is about dates, purposes or constraints.
#
# Versions. Debian 12's openjdk-17-jre-headless and openjdk-17-jdk-headless 17.0.19+10-1~deb12u2; openssl is the
# machine's (seen: 3.0.19). OpenJDK 21.0.13 of Debian 13 was seen to say the same. Older source, which tries the
# signature with the anchor's key as well before it gives up building, was not run. OpenSSL's s_client says of the same
# certificate what it says of any unknown issuer, where the certificates have key identifiers.
# Source. OpenJDK's sun.security.validator.PKIXValidator, engineValidate(), and
# sun.security.provider.certpath.PKIXCertPathValidator, validate(); observed by this script on 2026-12-01:
#
#   nobody of that name: PKIX path building failed / unable to find valid certification path to requested target
#   the old one: PKIX path validation failed / Path does not chain with any of the trust anchors
#   the new one: connects
#   both: connects
#   openssl, nobody of that name: unable to get local issuer certificate
#   openssl, the old one: unable to get local issuer certificate
#   openssl, both: connects
#
# It needs Debian 12 with openssl, python3 and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='nobody of that name: PKIX path building failed / unable to find valid certification path to requested target
the old one: PKIX path validation failed / Path does not chain with any of the trust anchors
the new one: connects
both: connects
openssl, nobody of that name: unable to get local issuer certificate
openssl, the old one: unable to get local issuer certificate
openssl, both: connects'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# An apt of its own, which downloads the packages and what the machine lacks of their libraries.
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
    awk '$1 ~ /^bookworm(-security)?$/ && $2 == "main" { print $1, $3 }' | sort -u)
[ -n "$mirror" ] || cannot "apt names no mirror of Debian 12"
mkdir -p "$folder"/apt/{lists/partial,archives/partial}
while read -r suite address; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $address $suite main"
done <<<"$mirror" >"$folder/apt/sources.list"
own=(-o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/nonexistent
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User=root
    -o Debug::NoLocking=1)
version=17.0.19+10-1~deb12u2
timeout 300 apt-get "${own[@]}" update >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
timeout 300 apt-get "${own[@]}" install --yes --no-install-recommends --download-only --reinstall \
    --allow-downgrades "openjdk-17-jre-headless=$version" "openjdk-17-jdk-headless=$version" >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
{
    for one in old new other; do
        name=$one
        [ "$one" = other ] || name="An operator's CA"
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -keyout "$one.key" -out "$one.pem"
    done
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -CA new.pem -CAkey new.key \
        -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost -keyout key.pem -out leaf.pem
    cat old.pem new.pem >both.pem
} >log 2>&1 || cannot "$(tail -n 3 log)"

cat >Visit.java <<'JAVA'
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A handshake with a server on this machine, with the certificates of a PEM file as trust anchors. */
class Visit {
    public static void main(String[] words) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var in = Files.newInputStream(Path.of(words[1]))) {
            int number = 0;
            for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("anchor-" + number++, one);
            }
        }
        var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        int port = Integer.parseInt(words[0]);
        try (var socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.setSoTimeout(10000);
            socket.startHandshake();
            System.out.println("connects");
        } catch (SSLException error) {
            Throwable cause = error;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            String first = error.getMessage().replaceFirst("^\\(\\w+\\) ", "");
            System.out.println(first.substring(0, first.indexOf(':')) + " / " + cause.getMessage());
        }
    }
}
JAVA

port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
openssl s_server -accept "127.0.0.1:$port" -cert leaf.pem -key key.pem -quiet </dev/null >server.log 2>&1 &
server=$!
jvm=$(echo "$folder"/unpacked/usr/lib/jvm/java-17-openjdk-*/bin/java)
libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
visit() { # title, file
    said=$(LD_LIBRARY_PATH=$libraries timeout 60 "$jvm" -Xmx128m -XX:-UsePerfData Visit.java "$port" "$2")
    echo "$1: $said"
}
ask() { # title, file
    said=$(timeout 20 openssl s_client -connect "127.0.0.1:$port" -servername localhost -verify_hostname localhost \
        -no-CApath -no-CAstore -CAfile "$2" -verify_return_error </dev/null 2>&1 || true)
    error=$(sed -n 's/^verify error:num=[0-9]*://p' <<<"$said" | head -n 1)
    grep -q 'Verify return code: 0' <<<"$said" && error=connects
    echo "$1: ${error:-nothing}"
}
for _ in $(seq 100); do
    timeout 5 openssl s_client -connect "127.0.0.1:$port" </dev/null >/dev/null 2>&1 && break
    sleep 0.1
done
{
    visit "nobody of that name" other.pem
    visit "the old one" old.pem
    visit "the new one" new.pem
    visit "both" both.pem
    ask "openssl, nobody of that name" other.pem
    ask "openssl, the old one" old.pem
    ask "openssl, both" both.pem
} >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
