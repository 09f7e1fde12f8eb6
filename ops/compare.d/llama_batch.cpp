// Continuous batching with libllama: what the library itself can do with a batch of prompts that begin alike. The common prefix is
// computed once and its cells are copied to every slot; slots are refilled as they end. Greedy; an end of text is not looked at.
// usage: llama_batch MODEL WARM-UP RUN OUT slots threads max-length single
//   WARM-UP, RUN: one prompt a line: its output length, then its tokens. single = 1: one prompt after another, without the warm-up's cache.
//   OUT: the seconds of the run (one number per prompt if single), then the generated tokens, one line per prompt.
#include "llama.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

struct Prompt { int output; std::vector<llama_token> tokens; };
struct Slot { int prompt = -1; int known = 0; bool generating = false; };
using Answers = std::vector<std::vector<llama_token>>;

static const int BATCH_TOKENS = 2048, LAUNCH_TOKENS = 512;

[[noreturn]] static void fail(const std::string & why) { fprintf(stderr, "llama_batch: %s\n", why.c_str()); exit(1); }

static double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

static std::vector<Prompt> read_prompts(const char * path) {
    std::ifstream in(path);
    if (!in) fail(std::string("cannot read ") + path);
    std::vector<Prompt> prompts;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        Prompt p;
        words >> p.output;
        for (llama_token t; words >> t;) p.tokens.push_back(t);
        prompts.push_back(p);
    }
    return prompts;
}

static int common_prefix(const std::vector<Prompt> & prompts) {
    if (prompts.size() < 2) return 0;
    size_t length = prompts[0].tokens.size();
    for (const Prompt & p : prompts) {
        length = std::min(length, p.tokens.size() - 1);
        while (!std::equal(p.tokens.begin(), p.tokens.begin() + length, prompts[0].tokens.begin())) length--;
    }
    return (int) length;
}

class Runner {
public:
    Runner(const char * model_path, int slots, int threads, int max_length) : slots_(slots + 1) {
        model_ = llama_model_load_from_file(model_path, llama_model_default_params());
        if (!model_) fail(std::string("cannot load ") + model_path);
        llama_context_params params = llama_context_default_params();
        params.n_seq_max = slots + 1;  // sequence 0 holds the prefix
        params.kv_unified = false;
        params.n_ctx = (slots + 1) * ((max_length + 16 + 255) / 256 * 256);
        params.n_batch = BATCH_TOKENS;
        params.n_ubatch = LAUNCH_TOKENS;
        params.n_threads = params.n_threads_batch = threads;
        params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
        context_ = llama_init_from_model(model_, params);
        if (!context_) fail("cannot make a context");
        memory_ = llama_get_memory(context_);
        vocabulary_ = llama_vocab_n_tokens(llama_model_get_vocab(model_));
        batch_ = llama_batch_init(std::max(BATCH_TOKENS, slots + 1), 0, 1);
    }

    Answers run(const std::vector<Prompt> & prompts) {
        llama_memory_clear(memory_, true);
        std::fill(slots_.begin(), slots_.end(), Slot());
        answers_.assign(prompts.size(), {});
        next_ = 0;
        prefix_ = common_prefix(prompts);
        compute_prefix(prompts);
        for (size_t done = 0; done < prompts.size();) done += step(prompts);
        return answers_;
    }

private:
    llama_model * model_;
    llama_context * context_;
    llama_memory_t memory_;
    llama_batch batch_;
    int vocabulary_, prefix_ = 0;
    size_t next_ = 0;
    std::vector<Slot> slots_;
    Answers answers_;

    int add(llama_token token, int position, int sequence, bool logits) {
        int i = batch_.n_tokens++;
        batch_.token[i] = token;
        batch_.pos[i] = position;
        batch_.n_seq_id[i] = 1;
        batch_.seq_id[i][0] = sequence;
        batch_.logits[i] = logits;
        return i;
    }

    void decode() {
        int code = llama_decode(context_, batch_);
        if (code) fail("llama_decode returned " + std::to_string(code));
    }

    void compute_prefix(const std::vector<Prompt> & prompts) {
        for (int i = 0; i < prefix_;) {
            batch_.n_tokens = 0;
            for (; i < prefix_ && batch_.n_tokens < BATCH_TOKENS; i++) add(prompts[0].tokens[i], i, 0, i == prefix_ - 1);
            decode();
        }
        for (size_t k = 1; prefix_ && k < slots_.size(); k++) llama_memory_seq_cp(memory_, 0, k, -1, -1);
    }

    // Fills a batch: one token of each generating slot, then prompts; returns (slot, row) of those that get a token.
    std::vector<std::pair<int, int>> fill(const std::vector<Prompt> & prompts) {
        std::vector<std::pair<int, int>> rows;
        batch_.n_tokens = 0;
        for (size_t k = 1; k < slots_.size(); k++) {
            Slot & s = slots_[k];
            if (s.generating) rows.push_back({k, add(answers_[s.prompt].back(), s.known++, k, true)});
        }
        for (size_t k = 1; k < slots_.size() && batch_.n_tokens < BATCH_TOKENS; k++) {
            Slot & s = slots_[k];
            if (s.generating) continue;
            if (s.prompt < 0) {
                if (next_ == prompts.size()) continue;
                s.prompt = (int) next_++;
                s.known = prefix_;
            }
            const auto & tokens = prompts[s.prompt].tokens;
            while (!s.generating && batch_.n_tokens < BATCH_TOKENS) {
                s.generating = s.known == (int) tokens.size() - 1;
                int row = add(tokens[s.known], s.known, k, s.generating);
                s.known++;
                if (s.generating) rows.push_back({k, row});
            }
        }
        return rows;
    }

    int step(const std::vector<Prompt> & prompts) {
        auto rows = fill(prompts);
        decode();
        int ended = 0;
        for (auto [k, row] : rows) {
            Slot & s = slots_[k];
            const float * logits = llama_get_logits_ith(context_, row);
            answers_[s.prompt].push_back((llama_token) (std::max_element(logits, logits + vocabulary_) - logits));
            if ((int) answers_[s.prompt].size() == prompts[s.prompt].output) {
                llama_memory_seq_rm(memory_, k, prefix_, -1);
                s = Slot();
                ended++;
            }
        }
        return ended;
    }
};

int main(int argc, char ** argv) {
    if (argc != 9) fail("usage: llama_batch MODEL WARM-UP RUN OUT slots threads max-length single");
    llama_log_set([](ggml_log_level level, const char * text, void *) { if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr); }, nullptr);
    llama_backend_init();
    Runner runner(argv[1], atoi(argv[5]), atoi(argv[6]), atoi(argv[7]));
    bool single = atoi(argv[8]) != 0;
    auto warm_up = read_prompts(argv[2]), prompts = read_prompts(argv[3]);
    std::vector<std::vector<Prompt>> before, jobs;
    if (single) {
        for (auto & p : warm_up) before.push_back({p});
        for (auto & p : prompts) jobs.push_back({p});
    } else {
        before.push_back(warm_up);
        jobs.push_back(prompts);
    }
    for (auto & job : before) runner.run(job);
    std::ofstream out(argv[4]);
    Answers all;
    for (auto & job : jobs) {
        double begin = now();
        for (auto & answer : runner.run(job)) all.push_back(answer);
        out << now() - begin << ' ';
    }
    out << '\n';
    for (auto & answer : all) {
        for (llama_token t : answer) out << t << ' ';
        out << '\n';
    }
    return out ? 0 : 1;
}
