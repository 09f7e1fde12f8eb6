package dev.millrace.ops.cli;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;

import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.tokenizer.ChatPromptEncoder;
import dev.millrace.engine.tokenizer.PromptEncoder.EncodedPrompt;
import dev.millrace.ingest.openai.BatchLineParser;
import dev.millrace.ingest.openai.JobDefaults;
import dev.millrace.schemas.PromptJob;
import dev.millrace.worker.RequestDecoder;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.Callable;

/** {@code millrace prompt}: what the model would be given. */
@Command(
        name = "prompt",
        description = {
            "Shows what the model would be given.",
            "For each request line one JSON line {\"custom_id\", \"prompt\", \"token_ids\"} or",
            "{\"custom_id\", \"error\"}. Needs no weights."
        })
public final class PromptCommand implements Callable<Integer> {
    @Option(
            names = {"-i", "--input"},
            required = true,
            paramLabel = "IN.jsonl",
            description =
                    "Request lines for /v1/chat/completions and /v1/completions; - reads standard"
                            + " input.")
    Path input;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description =
                    "Folder with tokenizer.json and a chat template (default: the demonstration"
                            + " model).")
    Path modelDir;

    @Option(
            names = "--chat-template",
            paramLabel = "FILE",
            description = "A chat template in place of the model's own.")
    Path chatTemplate;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Logs.quiet();
        Path dir = modelDir == null ? Home.demoModel() : modelDir;
        if (!Files.isDirectory(dir)) {
            throw CliFailure.usage("--model " + dir + " is not a folder");
        }
        if (chatTemplate != null) {
            Inputs.requireFile(chatTemplate);
        }
        PrintWriter out = spec.commandLine().getOut();
        JobDefaults defaults = new JobDefaults("", "", "default", Instant.EPOCH);
        BatchLineParser parser = new BatchLineParser();
        try (BufferedReader in = Inputs.lines(input);
                ChatPromptEncoder encoder = ChatPromptEncoder.load(dir, chatTemplate)) {
            RequestDecoder decoder =
                    new RequestDecoder(new LoadedModel("", "", null, encoder, null, 0));
            long lineNumber = 0;
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                lineNumber++;
                if (!line.isBlank()) {
                    out.println(describe(parser.parse(line, lineNumber, defaults), decoder));
                }
            }
        }
        out.flush();
        return 0;
    }

    private static String describe(PromptJob job, RequestDecoder decoder) {
        if (job.getRejection() != null) {
            return json(job.getCustomId(), null, job.getRejection().getMessage());
        }
        try {
            return json(job.getCustomId(), decoder.encodePrompt(job), null);
        } catch (RequestRejectedException e) {
            return json(job.getCustomId(), null, e.getMessage());
        }
    }

    private static String json(String customId, EncodedPrompt prompt, String error) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactoryBuilder().build().createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("custom_id", customId);
            if (error == null) {
                json.writeStringField("prompt", prompt.text());
                json.writeFieldName("token_ids");
                json.writeArray(prompt.tokenIds(), 0, prompt.tokenIds().length);
            } else {
                json.writeStringField("error", error);
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }
}
