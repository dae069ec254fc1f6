package nuncio.peer;

import jakarta.jws.Oneway;
import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.jws.WebService;

/** The part of the echo contract that this peer speaks. */
@WebService(name = "IEcho", targetNamespace = Echo.NAMESPACE)
public interface Echo {
    String NAMESPACE = "http://nuncio.example/echo";

    @WebMethod(operationName = "Echo")
    @WebResult(name = "EchoResult", targetNamespace = NAMESPACE)
    String echo(@WebParam(name = "text", targetNamespace = NAMESPACE) String text);

    /** Always answers with a fault, whose reason holds {@code why}. */
    @WebMethod(operationName = "Fail")
    @WebResult(name = "FailResult", targetNamespace = NAMESPACE)
    String fail(@WebParam(name = "why", targetNamespace = NAMESPACE) String why);

    @WebMethod(operationName = "Notify")
    @Oneway
    void notify(@WebParam(name = "text", targetNamespace = NAMESPACE) String text);

    /** The service behind the contract. */
    @WebService(serviceName = "Echo", portName = "Echo", targetNamespace = NAMESPACE, endpointInterface = "nuncio.peer.Echo")
    class Service implements Echo {
        @Override
        public String echo(String text) {
            return text;
        }

        @Override
        public String fail(String why) {
            throw new IllegalStateException(why);
        }

        @Override
        public void notify(String text) {}
    }
}
