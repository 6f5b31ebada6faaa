// Intents and slots over HTTP. POST /intent takes a sentence as plain text and gives JSON; GET /health says that the
// service is up. SIGTERM or SIGINT: requests at hand are answered, then the program ends.
//   assistant_service [--port N] [--threads N] [--weights FILE]
#include <assistant/assistant.h>
#include <httplib.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using nlohmann::ordered_json;
constexpr size_t kLongestBody = 64 << 10;

struct Options {
  std::string weights = DEFAULT_WEIGHTS;
  int port = 8080, threads = 8;
};

Options parse(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) throw std::runtime_error(option + " wants a value");
    if (option == "--port")
      out.port = std::atoi(argv[i + 1]);
    else if (option == "--threads")
      out.threads = std::max(1, std::atoi(argv[i + 1]));
    else if (option == "--weights")
      out.weights = argv[i + 1];
    else
      throw std::runtime_error("unknown option " + option);
  }
  return out;
}

void reply(httplib::Response& response, int status, const ordered_json& body) {
  response.status = status;
  response.set_content(body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n", "application/json");
}

ordered_json to_json(const assistant::AssistantExample& example, const assistant::AssistantAnswers& answers) {
  ordered_json slots = ordered_json::array(), spans = ordered_json::array();
  for (const assistant::SlotsLabel label : answers.slots.labels) slots.push_back(name(label));
  for (const assistant::Span& span : answers.slots.spans) {
    std::string text;
    for (int64_t i = span.begin; i < span.end; ++i)
      text += (text.empty() ? "" : " ") + example.words[static_cast<size_t>(i)];
    spans.push_back({{"begin", span.begin}, {"end", span.end}, {"label", span.label}, {"text", text}});
  }
  return {{"intent", name(answers.intent.label)}, {"words", example.words}, {"slots", slots}, {"spans", spans}};
}

// Each thread of the server has a context of its own, so no request waits for the model.
void answer(const assistant::Model& model, const httplib::Request& request, httplib::Response& response) {
  thread_local assistant::Context context(model);
  thread_local assistant::AssistantAnswers answers;
  try {
    const auto example = assistant::AssistantExample::from_text(request.body);
    context.all(&example, 1, &answers);
    reply(response, 200, to_json(example, answers));
  } catch (const assistant::InputError& error) {
    reply(response, 400, {{"error", error.what()}});
  }
}

const char* reason(int status) {
  switch (status) {
    case 400:
      return "this is no HTTP request";
    case 404:
      return "there are POST /intent and GET /health";
    case 413:
      return "the text is too long";
    default:
      return "the request failed";
  }
}

void set_routes(httplib::Server& server, const assistant::Model& model) {
  server.Get("/health", [](const auto&, auto& response) { reply(response, 200, {{"status", "ok"}}); });
  server.Post("/intent", [&](const auto& request, auto& response) { answer(model, request, response); });
  server.set_error_handler([](const auto&, auto& response) {
    if (response.body.empty()) reply(response, response.status, {{"error", reason(response.status)}});
  });
  server.set_exception_handler([](const auto&, auto& response, std::exception_ptr) {
    reply(response, 500, {{"error", reason(500)}});
  });
}

int run(const Options& options) {
  const assistant::Model model(options.weights);  // outlives the threads, which end in listen_after_bind
  httplib::Server server;
  server.new_task_queue = [&] { return new httplib::ThreadPool(static_cast<size_t>(options.threads)); };
  server.set_payload_max_length(kLongestBody);
  server.set_tcp_nodelay(true);  // head and body go in two parts: the second would wait 40 ms for the first one's ACK
  server.set_keep_alive_max_count(1000000);
  server.set_keep_alive_timeout(1);  // an idle connection holds its thread for so long, and the end up as well
  set_routes(server, model);
  const int port = options.port == 0                                ? server.bind_to_any_port("127.0.0.1")
                   : server.bind_to_port("127.0.0.1", options.port) ? options.port
                                                                    : -1;
  if (port < 0) throw std::runtime_error("cannot listen on port " + std::to_string(options.port));
  // All threads block the signals; one waits for them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::atomic<bool> ended{false};
  std::thread stopper([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    while (!server.is_running() && !ended) std::this_thread::yield();
    server.stop();
  });
  std::printf("listening on http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  const bool good = server.listen_after_bind();
  ended = true;
  kill(getpid(), SIGTERM);  // if it was no signal that ended it, the thread still waits for one
  stopper.join();
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) try { return run(parse(argc, argv)); } catch (const std::exception& error) {
  std::fprintf(stderr, "assistant_service: %s\n", error.what());
  return EXIT_FAILURE;
}
