// CoNLL files: a sentence is some comment lines and a line of cells for each token; an empty line ends it.
//
// Which lines are token lines: those with the separator in them. The separator is the setting, else a tab if there is
// one outside of comments, else a run of spaces (then a file may have one column, and each line that is not empty and
// not a comment is a token).
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/data.h"
#include "support/diag/kinds/model.h"

namespace mtl::data {
namespace {

struct NamedComment {
  std::string_view key, value;
};

// "# key = value" or "# key: value", whichever sign comes first; nullopt: not of these forms. A colon is one in front
// of a blank only (`meta::genre = news` has the key `meta::genre`), and behind "# ", as `#tag: O` may be a token.
std::optional<NamedComment> named_comment(std::string_view line) {
  const std::string_view body = line.substr(1);
  size_t sign = body.find('=');
  const size_t blank = std::min(body.find(": "), body.find(":\t"));
  const size_t colon = body.ends_with(':') ? std::min(blank, body.size() - 1) : blank;
  if (body.starts_with(' ')) sign = std::min(sign, colon);
  if (sign == std::string_view::npos || trim(body.substr(0, sign)).empty()) return std::nullopt;
  std::string_view value = body.substr(sign + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return NamedComment{trim(body.substr(0, sign)), value};
}

// Whether a line that is no comment holds a tab; nullopt: there are comments alone.
std::optional<bool> has_tab_between_cells(std::string_view text) {
  std::optional<bool> found;
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
    in_front = found.emplace(false);
  }
  return found;
}

// Up to behind the last empty line: what is whole, where more of the file follows.
std::string_view whole_sentences(std::string_view text) {
  size_t end = text.rfind('\n') + 1;  // npos + 1 is 0
  while (end > 0) {
    const size_t begin = end == 1 ? 0 : text.rfind('\n', end - 2) + 1;
    if (trim(text.substr(begin, end - begin)).empty()) return text.substr(0, end);
    end = begin;
  }
  return {};
}

// Whether each cell is what headers call a column; no sentence is made of such words alone.
bool names_columns(const std::vector<std::string_view>& cells) {
  static const std::set<std::string, std::less<>> kNames = {
      "bio",        "chunk",  "chunks", "class", "deprel", "deps",    "entity", "entities", "feats",   "form",
      "head",       "id",     "idx",    "index", "intent", "iob",     "iob2",   "label",    "labels",  "lemma",
      "lemmas",     "misc",   "ne",     "ner",   "nertag", "nertags", "pos",    "postag",   "postags", "sentence",
      "sentenceid", "sentid", "slot",   "slots", "srl",    "tag",     "tags",   "target",   "text",    "token",
      "tokenid",    "tokens", "topic",  "upos",  "word",   "wordid",  "words",  "xpos"};
  return cells.size() > 1 && std::all_of(cells.begin(), cells.end(), [](std::string_view cell) {
           std::string letters;
           for (const char c : lower_text(trim(cell)))
             if (std::string_view("_-# .").find(c) == std::string_view::npos) letters += c;
           return kNames.count(letters) > 0;
         });
}

class ConllReader {
 public:
  ConllReader(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink)
      : universal_(settings.format == Format::conllu),
        separator_(state.separator),
        state_(state),
        rows_(rows),
        sink_(sink),
        text_(text),
        lines_(text, state.lines) {
    by_spaces_ = separator_.find_first_not_of(' ') == std::string::npos;
  }

  void run() {
    if (state_.has_layout) {
      width_ = state_.layout.width;
      if (!sink_.layout(state_.layout)) return;
    }
    std::string_view line;
    while (!rows_.stopped() && lines_.next(line)) {
      if (trim(line).empty()) {
        finish();
      } else {
        end_ = lines_.taken();
        take(line);
      }
      if (refused_) return;
    }
    if (!rows_.stopped()) finish();
    state_.lines = lines_.number();
  }

 private:
  void finish() {
    if (bad_) sink_.skip(bad_line_, take_whole());
    if (!record_.lines.empty() && !bad_) {
      record_.width = width_;
      const char* begin = record_.token_text.front().data();
      const std::string_view last = record_.token_text.back();
      record_.text = std::string_view(begin, static_cast<size_t>(last.data() + last.size() - begin));
      record_.whole = take_whole();
      sink_.record(record_);
    }
    record_.cells.clear();
    record_.lines.clear();
    record_.token_text.clear();
    record_.comments.clear();
    bad_ = false;
  }

  std::string_view take_whole() {
    const size_t begin = std::exchange(begin_, end_);
    return text_.substr(begin, end_ - begin);
  }

  void take(std::string_view line) {
    if (bad_) return;  // the rest of a bad sentence
    if (!check_text(line, lines_.number(), rows_)) {
      set_bad();
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
    const std::string_view body = trim(line.substr(1));
    const bool mark = line.starts_with("# ") && (body == "newdoc" || body == "newpar");  // CoNLL-U's, without a value
    if (!universal_ && by_spaces_ && !named && !mark) return false;                      // "#topic", "# O": a token
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
    const std::string json = line.find("\":") == std::string_view::npos ? "" : help_for_json(line);
    if (!json.empty()) {
      rows_.bad_file(diag::JsonInConll, lines_.number(), line, json);
      refused_ = true;
      return false;
    }
    if (names_columns(record_.cells)) {
      std::vector<std::string> names;
      for (const std::string_view cell : record_.cells) names.push_back("`" + std::string(trim(cell)) + "`");
      set_bad();
      rows_.bad(diag::HeaderInConll, lines_.number(), line, "delete the line", join(names));
      return false;
    }
    width_ = found;
    state_.layout = {universal_ ? conllu_names() : std::vector<std::string>{}, width_, lines_.number()};
    state_.has_layout = true;
    refused_ = !sink_.layout(state_.layout);
    return !refused_;
  }

  void set_bad() {
    bad_ = true;
    bad_line_ = lines_.number();
  }

  void wrong_count(size_t found, std::string expected, std::string_view line) {
    set_bad();
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
  const std::string& separator_;
  ReadState& state_;
  Rows& rows_;
  const Sink& sink_;
  std::string_view text_;
  Lines lines_;
  Record record_;
  size_t begin_ = 0, end_ = 0;  // of this sentence, with what is in front of it
  size_t width_ = 0;
  bool bad_ = false;  // this sentence has been reported
  uint64_t bad_line_ = 0;
  bool refused_ = false;  // by the sink
};

}  // namespace

const std::vector<std::string>& conllu_names() {
  static const std::vector<std::string> names = {"ID",    "FORM", "LEMMA",  "UPOS", "XPOS",
                                                 "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"};
  return names;
}

int conllu_column(std::string_view name) {
  const std::string lower = lower_text(name);
  const std::vector<std::string>& names = conllu_names();
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& n) { return lower_text(n) == lower; });
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

std::string_view feature_value(std::string_view cell, std::string_view feature) {
  const std::string lower = lower_text(feature);
  for (size_t end = 0; end != std::string_view::npos; cell.remove_prefix(end == std::string_view::npos ? 0 : end + 1)) {
    end = cell.find('|');
    const std::string_view pair = cell.substr(0, end);
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && lower_text(trim(pair.substr(0, equals))) == lower)
      return pair.substr(equals + 1);
  }
  return "_";
}

size_t read_conll(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink) {
  if (!state.last) text = whole_sentences(text);
  if (text.empty()) return 0;
  if (state.separator.empty()) state.separator = settings.separator;
  if (state.separator.empty()) {
    const auto tabs = settings.format == Format::conllu ? true : has_tab_between_cells(text);
    if (tabs) state.separator = *tabs ? "\t" : " ";
  } else if (state.separator == " " && settings.separator.empty() && has_tab_between_cells(text).value_or(false)) {
    rows.bad_file(diag::TabBehindSpaces, state.lines + 1, "", "`separator = ...` in the source settles it");
    return text.size();
  }
  ConllReader(settings, text, state, rows, sink).run();
  return text.size();
}

}  // namespace mtl::data
