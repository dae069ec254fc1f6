package nuncio.peer;

import jakarta.xml.ws.soap.SOAPFaultException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** Calls to one service: every operation once, then echoes from several threads, each after a {@code pause} in milliseconds. */
record Load(int rounds, int size, int threads, int warmUp) {
    static Load of(String rounds, String size, String threads, String warmUp) {
        return new Load(Integer.parseInt(rounds), Integer.parseInt(size), Integer.parseInt(threads), Integer.parseInt(warmUp));
    }

    /** Counts calls, and keeps the first failure. */
    private static final class Tally {
        final AtomicInteger good = new AtomicInteger(), bad = new AtomicInteger();
        final AtomicReference<Throwable> first = new AtomicReference<>();

        boolean call(Runnable call) {
            try {
                call.run();
                return true;
            } catch (Throwable t) {
                bad.incrementAndGet();
                first.compareAndSet(null, t);
                return false;
            }
        }
    }

    /** Makes the calls, prints a line about them; whether all were right. {@code whose} says whose CPU time this process spends. */
    boolean run(String url, String code, String whose) throws Exception {
        var text = "abcdefghijklmnopqrstuvwxyz".repeat(size / 26 + 1).substring(0, size);
        var tally = new Tally();
        var clients = new ArrayList<Echo>();
        synchronized (Load.class) { // one after the other: CXF sets itself up while it makes the first
            for (int i = 0; i < threads; i++) clients.add(Peer.client(url, code));
        }
        if (!Boolean.getBoolean("cancel")) tally.call(() -> everyOperation(clients.get(0), text));

        var pool = Executors.newFixedThreadPool(threads);
        var ready = new CountDownLatch(threads);
        var go = new CountDownLatch(1);
        var jobs = new ArrayList<Future<?>>();
        for (var client : clients)
            jobs.add(pool.submit(() -> {
                for (int i = 0; i < warmUp && tally.bad.get() == 0; i++) {
                    var caller = caller(client, url, code);
                    tally.call(() -> echo(caller, text));
                }
                ready.countDown();
                go.await();
                for (int i = 0; i < rounds && tally.bad.get() == 0; i++) {
                    Thread.sleep(Integer.getInteger("pause", 0));
                    var caller = caller(client, url, code);
                    if (tally.call(() -> echo(caller, text))) tally.good.incrementAndGet();
                }
                return null;
            }));
        ready.await();
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = system.getProcessCpuTime(), wall = System.nanoTime();
        go.countDown();
        for (var job : jobs) job.get();
        double seconds = (System.nanoTime() - wall) / 1e9, milliseconds = (system.getProcessCpuTime() - cpu) / 1e6;
        pool.shutdownNow();

        var first = tally.first.get();
        int good = tally.good.get();
        System.out.printf("%-28s good %d bad %d; %.0f calls/s; CPU of %s %.3f ms a call%s%n", code, good, tally.bad.get(), good / seconds,
            whose, milliseconds / Math.max(1, good), first == null ? "" : "; first: " + Peer.root(first));
        if (first != null && System.getenv("TRACE") != null) first.printStackTrace();
        return tally.bad.get() == 0;
    }

    /** Who makes a call: another client each time where clients cancel their context after it. */
    private static Echo caller(Echo client, String url, String code) throws Exception {
        return Boolean.getBoolean("cancel") ? Peer.client(url, code) : client;
    }

    private static void everyOperation(Echo client, String text) {
        echo(client, text);
        // The streaming engine's own client takes no fault, a CXF service's neither: the policy is not satisfied, it says.
        if (!Boolean.getBoolean("stax")) fault(client);
        client.notify(text);
        echo(client, text);
    }

    private static void fault(Echo client) {
        try {
            client.fail("on purpose");
            throw new IllegalStateException("no fault");
        } catch (SOAPFaultException fault) {
            if (!String.valueOf(fault.getMessage()).contains("on purpose")) throw fault;
        }
    }

    private static void echo(Echo client, String text) {
        if (!text.equals(client.echo(text))) throw new IllegalStateException("another text came back");
    }
}
