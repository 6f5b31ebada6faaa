// The service of examples/service, asked over HTTP:   service_test SERVER MTLC MODEL SENTENCES.conll
// Several clients at once get what `mtlc predict` says; bad requests get an error as JSON and do no harm; SIGTERM ends
// it, and what was asked before is answered.
#include <fmt/format.h>
#include <httplib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/process.h"

namespace {

using namespace mtl::test;
using Json = nlohmann::json;
constexpr int kClients = 6;

std::atomic<int> g_failed{0};
void want(bool good, const std::string& what) {
  if (good) return;
  if (++g_failed <= 10) fmt::print("FAILED: {}\n", what);
}

// A server that is ended with its object, if it has not ended before.
class Server {
 public:
  Server(const std::string& program, int threads) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    process_ = fork();
    if (process_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      const std::string count = std::to_string(threads);
      execl(program.c_str(), program.c_str(), "--port", "0", "--threads", count.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    std::FILE* said = fdopen(ends[0], "r");
    if (std::fscanf(said, "listening on http://127.0.0.1:%d", &port_) != 1)
      throw std::runtime_error("the server does not listen");
    std::fclose(said);
  }
  ~Server() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  int port() const { return port_; }
  // SIGTERM; the seconds until the end, and how it ended (-1: not within ten seconds).
  std::pair<double, int> end() {
    const auto start = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    kill(process_, SIGTERM);
    int status = 0;
    while (waitpid(process_, &status, WNOHANG) == 0) {
      if (seconds() > 10) return {seconds(), -1};
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    process_ = -1;
    return {seconds(), status};
  }

 private:
  pid_t process_ = -1;
  int port_ = 0;
};

std::vector<std::string> sentences_of(const std::string& path) {
  std::vector<std::string> out(1);
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t tab = line.find('\t');
    if (tab != std::string::npos) out.back() += (out.back().empty() ? "" : " ") + line.substr(0, tab);
    if (line.empty() && !out.back().empty()) out.emplace_back();
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

std::vector<Json> predicted(const std::string& mtlc, const std::string& model, const std::vector<std::string>& lines) {
  const std::string path = (std::filesystem::temp_directory_path() / fmt::format("service-{}.txt", getpid())).string();
  std::ofstream file(path);
  for (const std::string& line : lines) file << line << '\n';
  file.close();
  std::istringstream text(output_of(fmt::format("{} predict {} {} --format lines --threads 1", shell_quoted(mtlc),
                                                shell_quoted(model), shell_quoted(path))));
  std::filesystem::remove(path);
  std::vector<Json> out;
  for (std::string line; std::getline(text, line);) out.push_back(Json::parse(line));
  return out;
}

// Spans by their positions: the service joins tokens for a text, `mtlc predict` has that of the line.
Json places_of(Json spans) {
  for (Json& span : spans) {
    span.erase("text");
    span.erase("offsets");
  }
  return spans;
}

void ask_all(int port, const std::vector<std::string>& lines, const std::vector<Json>& right, size_t first) {
  httplib::Client client("127.0.0.1", port);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t at = (first + i) % lines.size();
    const auto response = client.Post("/intent", lines[at], "text/plain");
    if (!response || response->status != 200) return want(false, "no answer to: " + lines[at]);
    const Json answer = Json::parse(response->body), &r = right[at];
    want(answer.at("intent") == r.at("intent") && answer.at("slots") == r.at("slots") &&
             places_of(answer.at("spans")) == places_of(r.value("slots.spans", Json::array())),
         fmt::format("{}\n  service {}\n  predict {}", lines[at], response->body, r.dump()));
  }
}

void want_error(const httplib::Result& response, int status, const std::string& what) {
  if (!response) return want(false, what + ": no answer");
  const Json body = Json::parse(response->body, nullptr, false);
  want(response->status == status, fmt::format("{}: status {}", what, response->status));
  want(body.is_object() && body.contains("error"), what + ": says " + response->body);
}

void send_bad_requests(int port) {
  httplib::Client client("127.0.0.1", port);
  const auto post = [&](const std::string& body) { return client.Post("/intent", body, "text/plain"); };
  want_error(post(""), 400, "an empty text");
  want_error(post("   \n"), 400, "spaces");
  want_error(post("play \xff\xfe"), 400, "no UTF-8");
  want_error(post("play \xed\xa0\x80"), 400, "half a character");
  want_error(post(std::string(10 << 20, 'x')), 413, "10 MiB");
  want_error(client.Get("/intent"), 404, "GET /intent");
  want_error(client.Get("/other"), 404, "another path");
  const auto long_text = post(std::string(60000, 'x'));
  want(long_text && long_text->status == 200, "a word of 60000 letters");
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "play ";
  const auto words = post(many);
  want(words && words->status == 200 && Json::parse(words->body).at("slots").size() == 10000, "10000 words");
  const auto health = client.Get("/health");
  want(health && health->status == 200 && Json::parse(health->body).at("status") == "ok", "health");
}

// Clients ask until the server goes away; an answer that comes is a whole one.
void end_under_load(Server& server, const std::string& line) {
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c)
    clients.emplace_back([&] {
      httplib::Client client("127.0.0.1", server.port());
      while (const auto response = client.Post("/intent", line, "text/plain")) {
        want(response->status == 200 && Json::parse(response->body).contains("intent"), "an answer at the end");
        ++answered;
      }
    });
  while (answered < 100 && g_failed == 0) std::this_thread::yield();
  const auto [seconds, status] = server.end();
  for (std::thread& client : clients) client.join();
  fmt::print("ended after {:.2f} s, {} requests answered until then\n", seconds, answered.load());
  want(status == 0, fmt::format("status {} at the end", status));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return 2;
  const std::vector<std::string> lines = sentences_of(argv[4]);
  const std::vector<Json> right = predicted(argv[2], argv[3], lines);
  if (right.size() != lines.size() || lines.empty()) throw std::runtime_error("not a prediction for each line");
  Server server(argv[1], kClients + 1);
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c)
    clients.emplace_back(ask_all, server.port(), std::cref(lines), std::cref(right), static_cast<size_t>(c) * 61);
  for (std::thread& client : clients) client.join();
  fmt::print("{} requests by {} clients\n", lines.size() * kClients, kClients);
  send_bad_requests(server.port());
  end_under_load(server, lines[0]);
  return g_failed == 0 ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return 1;
}
