package nuncio.peer;

import java.io.FileInputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.security.auth.callback.CallbackHandler;
import org.apache.cxf.configuration.jsse.TLSClientParameters;
import org.apache.cxf.configuration.jsse.TLSServerParameters;
import org.apache.cxf.transport.https.InsecureTrustManager;
import org.apache.wss4j.common.ext.WSPasswordCallback;

/** Keys, passwords and TLS settings. */
final class Security {
    /** The folder with server.p12 and client.p12. */
    private static final String KEYS = System.getenv("KEYS");
    private static final String STORE_PASSWORD = "pw";
    private static final String USER = System.getProperty("user", "alice");
    private static final String PASSWORD = System.getProperty("password", "wonderland-1865");

    private Security() {}

    /**
     * What WSS4J must know to act as {@code me} towards {@code peer} (both are aliases in the store of {@code me}), under the
     * policy of {@code code}.
     */
    static Map<String, Object> properties(String me, String peer, String code) {
        CallbackHandler passwords = callbacks -> {
            for (var callback : callbacks)
                if (callback instanceof WSPasswordCallback asked) asked.setPassword(USER.equals(asked.getIdentifier()) ? PASSWORD : STORE_PASSWORD);
        };
        var properties = new HashMap<String, Object>();
        for (var suffix : List.of("", ".sct")) { // ".sct": for the bootstrap of a conversation
            properties.put("security.callback-handler" + suffix, passwords);
            properties.put("security.signature.properties" + suffix, store(me));
            properties.put("security.encryption.properties" + suffix, store(me));
            properties.put("security.signature.username" + suffix, me);
            properties.put("security.encryption.username" + suffix, peer);
            properties.put("security.username" + suffix, USER);
            properties.put("security.password" + suffix, PASSWORD);
        }
        // The Basic Security Profile has no AES of 192 bits and no inclusive form: with it WSS4J does not read what it writes.
        if (code.contains("192") || code.contains("c14n")) properties.put("ws-security.is-bsp-compliant", "false");
        properties.put("ws-security.enable.streaming", System.getProperty("stax", "false"));
        properties.put("security.sts.token.do.cancel", System.getProperty("cancel", "false"));
        if (Boolean.getBoolean("short")) properties.put("ws-security.security.token.lifetime", "3000");
        return properties;
    }

    private static Properties store(String owner) {
        var merlin = "org.apache.wss4j.crypto.merlin.keystore.";
        var properties = new Properties();
        properties.put("org.apache.wss4j.crypto.provider", "org.apache.wss4j.common.crypto.Merlin");
        properties.put(merlin + "type", "pkcs12");
        properties.put(merlin + "password", STORE_PASSWORD);
        properties.put(merlin + "alias", owner);
        properties.put(merlin + "file", KEYS + "/" + owner + ".p12");
        return properties;
    }

    /** The server's own certificate. */
    static TLSServerParameters serverTls() throws Exception {
        var store = KeyStore.getInstance("PKCS12");
        try (var in = new FileInputStream(KEYS + "/server.p12")) {
            store.load(in, STORE_PASSWORD.toCharArray());
        }
        var keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, STORE_PASSWORD.toCharArray());
        var tls = new TLSServerParameters();
        tls.setKeyManagers(keys.getKeyManagers());
        return tls;
    }

    /** Any server certificate will do: what is tested is the messages. */
    static TLSClientParameters clientTls() {
        var tls = new TLSClientParameters();
        tls.setDisableCNCheck(true);
        tls.setTrustManagers(InsecureTrustManager.getNoOpX509TrustManagers());
        return tls;
    }
}
