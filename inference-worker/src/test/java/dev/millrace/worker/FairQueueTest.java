package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.scheduler.AdmissionBounds;
import dev.millrace.schemas.PromptJob;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

class FairQueueTest {
    private long nextId;

    @Test
    void tokensAreSharedByWeightWhateverTheJobsLookLike() {
        long seed = 20261123;
        Random random = new Random(seed);
        FairQueue queue = new FairQueue(Map.of("heavy", 3), AdmissionBounds.DEFAULT);
        for (int i = 0; i < 6000; i++) {
            add(queue, job("many-short", 1 + random.nextInt(20), 10));
            add(queue, job("few-long", 500 + random.nextInt(4000), 10));
            add(queue, job("heavy", 1 + random.nextInt(900), 10));
        }
        Map<String, Long> served = new HashMap<>();
        for (int i = 0; i < 3000; i++) {
            InFlightJob job = queue.poll(0);
            served.merge(job.job().getTenant(), FairQueue.costOf(job), Long::sum);
        }
        long unit = served.get("many-short");
        assertEquals(
                1.0, served.get("few-long") / (double) unit, 0.15, "seed " + seed + " " + served);
        assertEquals(3.0, served.get("heavy") / (double) unit, 0.3, "seed " + seed + " " + served);
    }

    @Test
    void aloneATenantPaysNothingAndSavesNothing() {
        FairQueue queue = new FairQueue(Map.of(), AdmissionBounds.DEFAULT);
        for (int i = 0; i < 100; i++) {
            add(queue, job("early", 1000, 0));
        }
        List<InFlightJob> taken = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            taken.add(queue.poll(0));
        }
        // They cost less than was thought; that must not become credit.
        taken.forEach(job -> queue.settle(job, 1));
        for (int i = 0; i < 100; i++) {
            add(queue, job("late", 1000, 0));
        }
        int late = 0;
        for (int i = 0; i < 20; i++) {
            late += queue.poll(0).job().getTenant().equals("late") ? 1 : 0;
        }
        assertTrue(late >= 9 && late <= 11, "late " + late + " of 20");
    }

    @Test
    void whatAJobReallyTookIsSettled() {
        FairQueue queue = new FairQueue(Map.of(), AdmissionBounds.DEFAULT);
        for (int i = 0; i < 400; i++) {
            add(queue, job("liar", 10, 1));
            add(queue, job("honest", 10, 1));
        }
        int honest = 0;
        for (int i = 0; i < 300; i++) {
            InFlightJob job = queue.poll(0);
            boolean isLiar = job.job().getTenant().equals("liar");
            honest += isLiar ? 0 : 1;
            queue.settle(job, isLiar ? 110 : 11);
        }
        assertTrue(honest > 250, "ten times the tokens, a tenth of the jobs: " + honest);
    }

    @Test
    void withinATenantPriorityThenArrival() {
        FairQueue queue = new FairQueue(Map.of(), AdmissionBounds.DEFAULT);
        InFlightJob first = job("t", 5, 0);
        InFlightJob second = job("t", 5, 0);
        InFlightJob urgent = job("t", 5, 7);
        List.of(first, second, urgent).forEach(each -> add(queue, each));
        assertTrue(queue.remove(first));
        assertEquals(urgent, queue.poll(0));
        assertEquals(second, queue.poll(0));
        assertNull(queue.poll(0));
        assertEquals(1, queue.numTenants(), "they have not ended");
        List.of(first, second, urgent).forEach(queue::close);
        assertEquals(0, queue.numTenants());
    }

    private static void add(FairQueue queue, InFlightJob job) {
        queue.open(job);
        queue.add(job);
    }

    private InFlightJob job(String tenant, int promptTokens, int priority) {
        PromptJob job = TestJobs.job("j@b@" + tenant);
        job.getSampling().setMaxTokens(1);
        SimulatedEngine engine = new SimulatedEngine(new ManualClock(), request -> 1);
        EngineRequest decoded = new RequestDecoder(TestJobs.model(engine)).decode(job, nextId++);
        EngineRequest request =
                new EngineRequest(
                        decoded.requestId(), new int[promptTokens], decoded.sampling(), priority);
        return new InFlightJob(
                null,
                0,
                10,
                null,
                job,
                new LocalJobEngine.LocalRequest(request, false, List.of()));
    }
}
