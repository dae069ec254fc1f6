package nuncio.peer;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.xml.namespace.QName;
import org.apache.cxf.BusFactory;
import org.apache.cxf.endpoint.Server;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;
import org.apache.cxf.jaxws.JaxWsServerFactoryBean;
import org.apache.cxf.transport.http.HTTPConduitConfigurer;
import org.apache.cxf.transport.http_jetty.JettyHTTPServerEngineFactory;

/**
 * An Apache CXF peer, client and service, for any policy that {@link Policies} can say.
 *
 * <pre>
 *   serve URL CODE [URL CODE …]                     services until stopped; prints "up"; their contracts at URL?wsdl
 *   publish FOLDER PORT CODE…                       writes the contract that a service publishes to FOLDER/CODE.wsdl
 *   call URL CODE rounds size threads warm-up       a client; exit status 1 if any call went wrong
 *   calls rounds size threads warm-up URL CODE …    clients one after the other in one process, or all at once: -Dtogether=true
 *   both CODE,CODE,… rounds size threads warm-up    each code against itself, at -Dport=N and up
 *   wsdl URL CODE                                   prints the contract
 * </pre>
 *
 * A client makes an echo, a call that must bring a fault, a one-way call and an echo, then {@code warm-up} and {@code rounds}
 * echoes of {@code size} characters from each thread.
 *
 * <p>The folder named by the environment's KEYS has server.p12 and client.p12 (password "pw", aliases "server" and "client", each
 * with the other's certificate in it). -Duser=NAME -Dpassword=WORD: instead of the default user. -Dstax=true: the streaming engine.
 * -Dpublished=true: a client that loads its contract from the service, and calls at the address in it.
 * -Dcancel=true: clients that cancel their context after a call, each for one echo (CXF fails on its next). -Dshort=true: a service whose
 * contexts last 3 s. With TRACE in the environment the first failure is printed whole.
 */
public final class Peer {
    private Peer() {}

    private static String contract(String url, String code) throws IOException {
        var file = Files.createTempFile("echo", ".wsdl");
        file.toFile().deleteOnExit();
        return Files.writeString(file, new Policies(code).wsdl(url)).toUri().toString();
    }

    private static Server serve(String url, String code) throws Exception {
        if (url.startsWith("https"))
            BusFactory.getDefaultBus().getExtension(JettyHTTPServerEngineFactory.class)
                .setTLSServerParametersForPort(URI.create(url).getPort(), Security.serverTls());
        var factory = new JaxWsServerFactoryBean();
        factory.setServiceClass(Echo.Service.class);
        factory.setServiceBean(new Echo.Service());
        factory.setAddress(url);
        factory.setWsdlURL(contract(url, code));
        factory.setProperties(Security.properties("server", "useReqSigCert", code));
        return factory.create();
    }

    static Echo client(String url, String code) throws Exception {
        // For every conduit, that of the token request too.
        BusFactory.getDefaultBus().setExtension((name, address, conduit) -> conduit.setTlsClientParameters(Security.clientTls()),
            HTTPConduitConfigurer.class);
        var factory = new JaxWsProxyFactoryBean();
        factory.setServiceClass(Echo.class);
        if (Boolean.getBoolean("published")) {
            factory.setWsdlURL(url + "?wsdl");
        } else {
            factory.setAddress(url);
            factory.setWsdlURL(contract(url, code));
        }
        factory.setServiceName(new QName(Echo.NAMESPACE, "Echo"));
        factory.setEndpointName(new QName(Echo.NAMESPACE, "Echo"));
        factory.setProperties(Security.properties("client", "server", code));
        return (Echo) factory.create();
    }

    /** The innermost cause, in a line. */
    static String root(Throwable t) {
        while (t.getCause() != null) t = t.getCause();
        return t.getClass().getSimpleName() + ": " + t.getMessage();
    }

    private static boolean serve(String[] a) throws Exception {
        for (int i = 1; i + 1 < a.length; i += 2) serve(a[i], a[i + 1]);
        System.out.println("up");
        Thread.sleep(Long.MAX_VALUE);
        return true;
    }

    private static boolean publish(String[] a) throws Exception {
        var folder = Files.createDirectories(Path.of(a[1]));
        boolean good = true;
        for (int i = 3; i < a.length; i++) {
            try {
                Files.write(folder.resolve(a[i] + ".wsdl"), published("http://127.0.0.1:" + a[2] + "/" + i, a[i]));
            } catch (Exception e) {
                good = false;
                System.out.println(a[i] + ": " + root(e));
            }
        }
        return good;
    }

    private static byte[] published(String url, String code) throws Exception {
        var server = serve(url, code);
        try {
            var request = HttpRequest.newBuilder(URI.create(url + "?wsdl")).build();
            var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (response.statusCode() != 200) throw new IOException(url + "?wsdl answers " + response.statusCode());
            return response.body();
        } finally {
            server.destroy();
        }
    }

    private static boolean calls(String[] a) throws Exception {
        var load = Load.of(a[1], a[2], a[3], a[4]);
        var pool = Executors.newFixedThreadPool(Boolean.getBoolean("together") ? a.length : 1);
        var jobs = new ArrayList<Future<Boolean>>();
        for (int i = 5; i + 1 < a.length; i += 2) {
            String url = a[i], code = a[i + 1];
            jobs.add(pool.submit(() -> attempt(load, url, code, "client")));
        }
        boolean good = true;
        for (var job : jobs) good &= job.get();
        pool.shutdown();
        return good;
    }

    private static boolean both(String[] a) {
        var load = Load.of(a[2], a[3], a[4], a[5]);
        int port = Integer.getInteger("port", 18100);
        boolean good = true;
        for (var code : a[1].split(",")) {
            var url = (new Policies(code).overTransport() ? "https" : "http") + "://127.0.0.1:" + port++ + "/echo";
            Server server = null;
            try {
                server = serve(url, code);
                good &= attempt(load, url, code, "client and service");
            } catch (Exception e) {
                good = false;
                System.out.println(code + ": " + root(e));
            } finally {
                if (server != null) server.destroy();
            }
        }
        return good;
    }

    private static boolean attempt(Load load, String url, String code, String whose) {
        try {
            return load.run(url, code, whose);
        } catch (Exception e) {
            System.out.println(code + ": " + root(e));
            return false;
        }
    }

    private static boolean run(String[] a) throws Exception {
        return switch (a.length == 0 ? "" : a[0]) {
            case "serve" -> serve(a);
            case "publish" -> publish(a);
            case "calls" -> calls(a);
            case "call" -> Load.of(a[3], a[4], a[5], a[6]).run(a[1], a[2], "client");
            case "both" -> both(a);
            case "wsdl" -> {
                System.out.println(new Policies(a[2]).wsdl(a[1]));
                yield true;
            }
            default -> {
                System.err.println("serve | publish | call | calls | both | wsdl: see the source");
                yield false;
            }
        };
    }

    /** Exit status 0 only when everything went right. */
    public static void main(String[] a) {
        boolean good = false;
        try {
            good = run(a);
        } catch (Exception e) {
            e.printStackTrace();
        }
        System.exit(good ? 0 : 1);
    }
}
