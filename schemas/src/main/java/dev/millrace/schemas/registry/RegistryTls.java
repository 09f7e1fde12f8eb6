package dev.millrace.schemas.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Locale;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Key and trust stores for https, from {@code schema.registry.ssl.*}.
 *
 * @param trustStore file of trusted certificates (JKS, PKCS12 or PEM), or null for the JDK's
 * @param keyStore   file with this client's key and certificate (JKS or PKCS12), or null for none
 */
public record RegistryTls(Store trustStore, Store keyStore) {
    /** No stores: what the JDK trusts, no client certificate. */
    public static final RegistryTls DEFAULT = new RegistryTls(null, null);

    /**
     * One store file.
     *
     * @param keyPassword of the key within; null for the store's password
     */
    public record Store(String location, String type, String password, String keyPassword) {
        /** Passwords do not belong in logs. */
        @Override
        public String toString() {
            return location + " (" + type + ")";
        }
    }

    /**
     * The context to connect with, or null for the JDK's own; {@link IllegalArgumentException} names the file
     * that is bad.
     */
    SSLContext context() {
        if (trustStore == null && keyStore == null) {
            return null;
        }
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keyManagers(), trustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("TLS settings of the schema registry: " + e.getMessage(), e);
        }
    }

    private KeyManager[] keyManagers() throws GeneralSecurityException {
        if (keyStore == null) {
            return null;
        }
        String password = keyStore.keyPassword() != null ? keyStore.keyPassword() : keyStore.password();
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(load(keyStore), password == null ? null : password.toCharArray());
        return factory.getKeyManagers();
    }

    private TrustManager[] trustManagers() throws GeneralSecurityException {
        if (trustStore == null) {
            return null;
        }
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(load(trustStore));
        return factory.getTrustManagers();
    }

    private static KeyStore load(Store store) throws GeneralSecurityException {
        try (InputStream in = Files.newInputStream(Path.of(store.location()))) {
            if (store.type().toUpperCase(Locale.ROOT).equals("PEM")) {
                return certificates(in);
            }
            KeyStore loaded = KeyStore.getInstance(store.type());
            loaded.load(in, store.password() == null ? null : store.password().toCharArray());
            return loaded;
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot read the store " + store + ": " + e.getMessage(), e);
        }
    }

    private static KeyStore certificates(InputStream in) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int n = 0;
        for (var certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
            store.setCertificateEntry("ca-" + n++, certificate);
        }
        return store;
    }
}
