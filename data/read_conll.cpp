// CoNLL files: a sentence is some comment lines and a line of cells for each token; an empty line ends it.
//
// Which lines are token lines: those with the separator in them. The separator is the setting, else a tab if there is
// one outside of comments, else a run of spaces (then a file may have one column, and each line that is not empty and
// not a comment is a token).
#include <algorithm>
#include <optional>

#include "compiler/diag/kinds/data.h"
#include "data/record.h"
#include "data/text.h"

namespace mtl::data {
namespace {

struct NamedComment {
  std::string_view key, value;
};

// "# key = value"; nullopt: not of that form.
std::optional<NamedComment> named_comment(std::string_view line) {
  const std::string_view body = trim(line.substr(1));
  const size_t equals = body.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return NamedComment{trim(body.substr(0, equals)), trim(body.substr(equals + 1))};
}

// Whether a line that is no comment holds a tab.
bool has_tab_between_cells(std::string_view text) {
  Lines lines(text);
  std::string_view line;
  bool in_front = true;  // of a sentence
  while (lines.next(line)) {
    if (trim(line).empty()) {
      in_front = true;
      continue;
    }
    if (in_front && line[0] == '#' && named_comment(line)) continue;
    if (line.find('\t') != std::string_view::npos) return true;
    in_front = false;
  }
  return false;
}

class ConllReader {
 public:
  ConllReader(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink)
      : universal_(settings.format == Format::conllu), rows_(rows), sink_(sink), lines_(text) {
    separator_ = settings.separator;
    if (separator_.empty() && (universal_ || has_tab_between_cells(text))) separator_ = "\t";
    by_spaces_ = separator_.find_first_not_of(' ') == std::string::npos;
  }

  void run() {
    std::string_view line;
    while (!rows_.stopped() && lines_.next(line)) {
      if (trim(line).empty()) {
        finish();
      } else {
        take(line);
      }
      if (refused_) return;
    }
    if (!rows_.stopped()) finish();
  }

 private:
  void finish() {
    if (!record_.lines.empty() && !bad_) {
      record_.width = width_;
      const char* begin = record_.token_text.front().data();
      const std::string_view last = record_.token_text.back();
      record_.text = std::string_view(begin, static_cast<size_t>(last.data() + last.size() - begin));
      sink_.record(record_);
    }
    record_.cells.clear();
    record_.lines.clear();
    record_.token_text.clear();
    record_.comments.clear();
    bad_ = false;
  }

  void take(std::string_view line) {
    if (bad_) return;  // the rest of a bad sentence
    if (!check_text(line, lines_.number(), rows_)) {
      bad_ = true;
      return;
    }
    const bool in_front = record_.lines.empty();
    if (in_front && line.starts_with("-DOCSTART-")) return;
    if (in_front && line.starts_with('#') && take_comment(line)) return;
    take_token(line);
  }

  // A comment line in front of a sentence; false if it is a token line.
  bool take_comment(std::string_view line) {
    if (!universal_ && !by_spaces_ && line.find(separator_) != std::string_view::npos) return false;
    const auto named = named_comment(line);
    if (!universal_ && by_spaces_ && !named) return false;  // "#topic", "# O": a token
    if (named) record_.comments.push_back({named->key, named->value, {lines_.number(), line}});
    return true;
  }

  void take_token(std::string_view line) {
    const size_t before = record_.cells.size();
    if (by_spaces_) {
      split_at(line, " ", record_.cells);
    } else {
      split_at(line, separator_, record_.cells);
    }
    const size_t found = record_.cells.size() - before;
    const uint64_t number = lines_.number();
    if (width_ == 0 && !set_width(found, line)) return;
    if (found != width_) {
      wrong_count(found, count_of(width_, "cell"), line);
      return;
    }
    if (universal_ && record_.cells[before].find_first_of("-.") != std::string_view::npos) {
      record_.cells.resize(before);  // a range of a multiword token, an empty node
      return;
    }
    if (record_.lines.empty()) record_.line = number;
    record_.lines.push_back(number);
    record_.token_text.push_back(line);
  }

  bool set_width(size_t found, std::string_view line) {
    const size_t expected = universal_ ? conllu_names().size() : 0;
    if (expected != 0 && found != expected) {
      wrong_count(found, "the 10 cells of CoNLL-U", line);
      return false;
    }
    if (!by_spaces_ && found < 2) {
      wrong_count(found, "at least 2", line);
      return false;
    }
    width_ = found;
    refused_ = !sink_.layout({universal_ ? conllu_names() : std::vector<std::string>{}, width_, lines_.number()});
    return !refused_;
  }

  void wrong_count(size_t found, std::string expected, std::string_view line) {
    bad_ = true;
    std::string help;
    if (!by_spaces_ && line.find(' ') != std::string_view::npos && found == 1) {
      help = "cells are parted by " + std::string(separator_ == "\t" ? "tabs" : "`" + separator_ + "`") +
             " in this file; `separator = ...` in the source changes that";
    } else if (line.starts_with('#')) {
      help = "comments stand in front of a sentence, not inside it";
    }
    rows_.bad(diag::WrongCellCount, lines_.number(), line, help, count_of(found, "cell"), expected);
  }

  bool universal_;
  bool by_spaces_ = false;
  std::string separator_;
  Rows& rows_;
  const Sink& sink_;
  Lines lines_;
  Record record_;
  size_t width_ = 0;
  bool bad_ = false;      // this sentence has been reported
  bool refused_ = false;  // by the sink
};

}  // namespace

const std::vector<std::string>& conllu_names() {
  static const std::vector<std::string> names = {"ID",    "FORM", "LEMMA",  "UPOS", "XPOS",
                                                 "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"};
  return names;
}

void read_conll(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink) {
  ConllReader(settings, text, rows, sink).run();
}

}  // namespace mtl::data
