import java.nio.ByteBuffer;
import java.security.KeyManagementException;
import java.security.SecureRandom;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * A context that tells when the handshake of its first engine begins and when it has finished. Everything
 * else is the given context's: HttpClient tells its callers neither.
 */
final class WatchedContext extends SSLContext {
    WatchedContext(SSLContext given, Runnable begun, Consumer<SSLSession> finished) {
        super(new Spi(given, begun, finished), given.getProvider(), given.getProtocol());
    }

    private static final class Spi extends SSLContextSpi {
        private final SSLContext given;
        private final Runnable begun;
        private final Consumer<SSLSession> finished;

        Spi(SSLContext given, Runnable begun, Consumer<SSLSession> finished) {
            this.given = given;
            this.begun = begun;
            this.finished = finished;
        }

        @Override
        protected void engineInit(KeyManager[] own, TrustManager[] trusted, SecureRandom random)
                throws KeyManagementException {
            given.init(own, trusted, random);
        }

        @Override
        protected SSLSocketFactory engineGetSocketFactory() {
            return given.getSocketFactory();
        }

        @Override
        protected SSLServerSocketFactory engineGetServerSocketFactory() {
            return given.getServerSocketFactory();
        }

        @Override
        protected SSLEngine engineCreateSSLEngine() {
            return new Engine(given.createSSLEngine(), begun, finished);
        }

        @Override
        protected SSLEngine engineCreateSSLEngine(String host, int port) {
            return new Engine(given.createSSLEngine(host, port), begun, finished);
        }

        @Override
        protected SSLSessionContext engineGetServerSessionContext() {
            return given.getServerSessionContext();
        }

        @Override
        protected SSLSessionContext engineGetClientSessionContext() {
            return given.getClientSessionContext();
        }

        @Override
        protected SSLParameters engineGetDefaultSSLParameters() {
            return given.getDefaultSSLParameters();
        }

        @Override
        protected SSLParameters engineGetSupportedSSLParameters() {
            return given.getSupportedSSLParameters();
        }
    }

    private static final class Engine extends SSLEngine {
        private final SSLEngine given;
        private final Runnable begun;
        private final Consumer<SSLSession> finished;
        private boolean hasBegun;
        private boolean hasFinished;

        Engine(SSLEngine given, Runnable begun, Consumer<SSLSession> finished) {
            super(given.getPeerHost(), given.getPeerPort());
            this.given = given;
            this.begun = begun;
            this.finished = finished;
        }

        private synchronized void begin() {
            if (!hasBegun) {
                hasBegun = true;
                begun.run();
            }
        }

        private synchronized SSLEngineResult seen(SSLEngineResult result) {
            if (!hasFinished && result.getHandshakeStatus() == HandshakeStatus.FINISHED) {
                hasFinished = true;
                finished.accept(given.getSession());
            }
            return result;
        }

        @Override
        public SSLEngineResult wrap(ByteBuffer[] from, int offset, int length, ByteBuffer to)
                throws SSLException {
            begin();
            return seen(given.wrap(from, offset, length, to));
        }

        @Override
        public SSLEngineResult unwrap(ByteBuffer from, ByteBuffer[] to, int offset, int length)
                throws SSLException {
            begin();
            return seen(given.unwrap(from, to, offset, length));
        }

        @Override
        public void beginHandshake() throws SSLException {
            begin();
            given.beginHandshake();
        }

        @Override
        public Runnable getDelegatedTask() {
            return given.getDelegatedTask();
        }

        @Override
        public HandshakeStatus getHandshakeStatus() {
            return given.getHandshakeStatus();
        }

        @Override
        public void closeInbound() throws SSLException {
            given.closeInbound();
        }

        @Override
        public boolean isInboundDone() {
            return given.isInboundDone();
        }

        @Override
        public void closeOutbound() {
            given.closeOutbound();
        }

        @Override
        public boolean isOutboundDone() {
            return given.isOutboundDone();
        }

        @Override
        public String[] getSupportedCipherSuites() {
            return given.getSupportedCipherSuites();
        }

        @Override
        public String[] getEnabledCipherSuites() {
            return given.getEnabledCipherSuites();
        }

        @Override
        public void setEnabledCipherSuites(String[] suites) {
            given.setEnabledCipherSuites(suites);
        }

        @Override
        public String[] getSupportedProtocols() {
            return given.getSupportedProtocols();
        }

        @Override
        public String[] getEnabledProtocols() {
            return given.getEnabledProtocols();
        }

        @Override
        public void setEnabledProtocols(String[] protocols) {
            given.setEnabledProtocols(protocols);
        }

        @Override
        public SSLSession getSession() {
            return given.getSession();
        }

        @Override
        public SSLSession getHandshakeSession() {
            return given.getHandshakeSession();
        }

        @Override
        public void setUseClientMode(boolean mode) {
            given.setUseClientMode(mode);
        }

        @Override
        public boolean getUseClientMode() {
            return given.getUseClientMode();
        }

        @Override
        public void setNeedClientAuth(boolean need) {
            given.setNeedClientAuth(need);
        }

        @Override
        public boolean getNeedClientAuth() {
            return given.getNeedClientAuth();
        }

        @Override
        public void setWantClientAuth(boolean want) {
            given.setWantClientAuth(want);
        }

        @Override
        public boolean getWantClientAuth() {
            return given.getWantClientAuth();
        }

        @Override
        public void setEnableSessionCreation(boolean may) {
            given.setEnableSessionCreation(may);
        }

        @Override
        public boolean getEnableSessionCreation() {
            return given.getEnableSessionCreation();
        }

        @Override
        public SSLParameters getSSLParameters() {
            return given.getSSLParameters();
        }

        @Override
        public void setSSLParameters(SSLParameters parameters) {
            given.setSSLParameters(parameters);
        }

        @Override
        public String getApplicationProtocol() {
            return given.getApplicationProtocol();
        }

        @Override
        public String getHandshakeApplicationProtocol() {
            return given.getHandshakeApplicationProtocol();
        }

        @Override
        public void setHandshakeApplicationProtocolSelector(
                BiFunction<SSLEngine, List<String>, String> selector) {
            given.setHandshakeApplicationProtocolSelector(selector);
        }

        @Override
        public BiFunction<SSLEngine, List<String>, String>
                getHandshakeApplicationProtocolSelector() {
            return given.getHandshakeApplicationProtocolSelector();
        }
    }
}
