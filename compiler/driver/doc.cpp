// mtlc doc: a part of the reference as Markdown. The book has it between markers, and a test compares the two.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/reference.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {
namespace {

// A cell: bars would end it, and so would a line end.
std::string table_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string as_code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

std::string example_text(const Topic& topic) {
  std::vector<std::string> codes;
  for (const Piece& piece : pieces_of(topic.place, topic.example)) codes.push_back(as_code(piece.code));
  return join(codes, " with ", " with ");
}

struct TopicColumn {
  const char* title;
  std::string (*text)(const Topic& topic);
};

std::string topic_table(const std::vector<Topic>& topics, const std::vector<TopicColumn>& columns) {
  std::vector<TopicColumn> used;  // a column that no topic fills is left out
  for (const TopicColumn& column : columns)
    if (std::ranges::any_of(topics, [&](const Topic& t) { return !column.text(t).empty(); })) used.push_back(column);
  std::string head = "|", rule = "|", rows;
  for (const TopicColumn& column : used) {
    head += fmt::format(" {} |", column.title);
    rule += "---|";
  }
  for (const Topic& topic : topics) {
    rows += "|";
    for (const TopicColumn& column : used) {
      const std::string text = table_cell(column.text(topic));
      rows += text.empty() ? " |" : " " + text + " |";
    }
    rows += "\n";
  }
  return head + "\n" + rule + "\n" + rows;
}

std::string list_of(const std::vector<Topic>& topics) {
  std::string out;
  for (const Topic& topic : topics) {
    out += fmt::format("- **`{}`**\n  {}\n", topic.form, topic.about);
    if (!topic.example.empty()) out += fmt::format("  Example: {}\n", example_text(topic));
  }
  return out;
}

// All topics, or those of one part, one on each line.
int print_topics(const std::vector<Part>& parts, const std::string& name) {
  for (const Part& part : parts) {
    if (!name.empty() && part.name != name) continue;
    for (const Topic& topic : part.topics) {
      nlohmann::ordered_json line{{"event", "topic"}, {"part", part.name}, {"kind", topic.kind}, {"name", topic.name}};
      for (const auto& [key, text] : {std::pair<const char*, const std::string&>("form", topic.form),
                                      {"text", topic.about},
                                      {"default", topic.initial},
                                      {"unit", topic.unit},
                                      {"shape", topic.shape},
                                      {"place", topic.place},
                                      {"example", topic.example}})
        if (!text.empty()) line[key] = text;
      if (!topic.supported) line["supported"] = false;
      fmt::print("{}\n", line.dump());
    }
  }
  return kGood;
}

}  // namespace

std::string markdown(const Part& part) {
  std::vector<Topic> topics = part.topics;
  if (part.name == "not-supported")
    return topic_table(topics, {{"what", [](const Topic& t) { return t.name; }},
                                {"reported as", [](const Topic& t) { return t.about; }},
                                {"instead", [](const Topic& t) { return t.unit; }}});
  std::erase_if(topics, [](const Topic& t) { return !t.supported; });
  if (part.name.starts_with("std.") || part.name == "losses") return list_of(topics);
  if (part.name == "primitives")
    return topic_table(topics, {{"operation", [](const Topic& t) { return as_code(t.form); }},
                                {"what it computes", [](const Topic& t) { return t.about; }},
                                {"shape of the result", [](const Topic& t) { return t.shape; }},
                                {"example", example_text}});
  if (part.name == "metrics")
    return topic_table(topics, {{"metric", [](const Topic& t) { return as_code(t.name); }},
                                {"what it is", [](const Topic& t) { return t.about; }},
                                {"targets", [](const Topic& t) { return t.unit; }}});
  return topic_table(topics, {{"name", [](const Topic& t) { return as_code(t.name); }},
                              {"written", [](const Topic& t) { return t.form == t.name ? "" : as_code(t.form); }},
                              {"what it does", [](const Topic& t) { return t.about; }},
                              {"default", [](const Topic& t) { return t.initial; }},
                              {"unit", [](const Topic& t) { return t.unit; }},
                              {"example", example_text}});
}

int run_doc(const Options& options) {
  const std::vector<Part> parts = reference();
  if (options.json) return print_topics(parts, options.file);
  if (options.file.empty()) {
    for (const Part& part : parts) fmt::print("{:<20}{}\n", part.name, part.about);
    return kGood;
  }
  std::vector<std::string> names;
  for (const Part& part : parts) {
    if (part.name == options.file) {
      fmt::print("{}", markdown(part));
      return kGood;
    }
    names.push_back(part.name);
  }
  Front front(options);
  const auto near = nearest(options.file, names);
  front.emitter()
      .report(diag::UnknownPart, excerpt(options.file))
      .help(near ? "did you mean `" + *near + "`?" : "`mtlc doc` lists the parts");
  front.flush_reports();
  return kUserError;
}

}  // namespace mtl::driver
