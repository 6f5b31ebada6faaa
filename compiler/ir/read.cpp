// Text to graph: a cursor over one line at a time, each line made into a node by the Builder. See read.h.
#include "compiler/ir/read.h"

#include <cctype>
#include <charconv>
#include <optional>

#include "compiler/ir/builder.h"
#include "compiler/ops/op.h"

namespace mtl::ir {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Reads tokens off a line; the first failure sticks.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }
  bool try_take(std::string_view token) {
    skip_spaces();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void take(std::string_view token) {
    if (!try_take(token)) fail("expected `" + std::string(token) + "`");
  }
  char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string word() {
    skip_spaces();
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (begin == at_) fail("expected a word");
    return std::string(text_.substr(begin, at_ - begin));
  }
  // Up to (and over) `end`.
  std::string until(char end) {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != end) ++at_;
    const std::string result(text_.substr(begin, at_ - begin));
    if (at_ == text_.size()) fail(std::string("expected `") + end + "`");
    if (at_ < text_.size()) ++at_;
    return result;
  }
  std::string rest() {
    skip_spaces();
    const std::string result(text_.substr(at_));
    at_ = text_.size();
    return result;
  }
  std::string quoted() {
    take("\"");
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        result += text_[at_] == 'n' ? '\n' : text_[at_];
      } else {
        result += text_[at_];
      }
      ++at_;
    }
    take("\"");
    return result;
  }
  int64_t integer() {
    skip_spaces();
    int64_t value = 0;
    const auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (code != std::errc()) fail("expected a whole number");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }
  // An int, or a double if it has a point or an exponent.
  Attr number() {
    skip_spaces();
    const size_t begin = at_;
    double value = 0;
    const auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (code != std::errc()) {
      fail("expected a number");
      return value;
    }
    at_ = static_cast<size_t>(end - text_.data());
    const std::string_view written = text_.substr(begin, at_ - begin);
    if (written.find_first_not_of("-0123456789") != std::string_view::npos) return value;
    at_ = begin;
    return integer();
  }

  void fail(std::string message) {
    if (!error_.empty()) return;
    error_ = std::move(message) + " at column " + std::to_string(at_ + 1);
  }
  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  std::string_view text_;
  size_t at_ = 0;
  std::string error_;
};

// "2 * |en| + 3", "-|en|", "T - 1"
Dim read_dim(Cursor& in) {
  Dim sum = 0;
  bool is_negative = in.try_take("-");
  do {
    Dim term = 1;
    do {
      if (in.try_take("|")) {
        term = term * Dim::atom("|" + in.until('|') + "|");
      } else if (std::isalpha(static_cast<unsigned char>(in.peek()))) {
        term = term * Dim::atom(in.word());
      } else {
        term = term * Dim(in.integer());
      }
    } while (!in.failed() && in.try_take("*"));
    sum = is_negative ? sum - term : sum + term;
    is_negative = false;
    if (in.try_take("+")) continue;
    if (!in.try_take("-")) return sum;
    is_negative = true;
  } while (!in.failed());
  return sum;
}

std::vector<Dim> read_dims(Cursor& in) {
  std::vector<Dim> dims;
  in.take("[");
  if (in.try_take("]")) return dims;
  do {
    dims.push_back(read_dim(in));
  } while (!in.failed() && in.try_take(","));
  in.take("]");
  return dims;
}

class Reader {
 public:
  Result<Graph, ReadError> read(std::string_view text) {
    size_t begin = 0;
    for (int line = 1; begin <= text.size(); ++line) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      Cursor in(text.substr(begin, end - begin));
      begin = end + 1;
      if (in.at_end() || in.try_take("//")) continue;
      read_line(in);
      if (!in.failed() && !in.at_end()) in.fail("unexpected `" + in.rest() + "`");
      if (in.failed()) return ReadError{line, in.error()};
    }
    return std::move(graph_);
  }

 private:
  void read_line(Cursor& in) {
    if (in.peek() == '%') return read_node(in);
    const std::string keyword = in.word();
    if (keyword == "space") return read_space(in);
    if (keyword == "output") {
      const std::string name = in.quoted();
      in.take("=");
      const Value value = read_value(in);
      if (!in.failed()) graph_.outputs.push_back({name, value});
      return;
    }
    in.fail("expected `space`, `output` or a node");
  }

  std::optional<SpaceId> find_space(const std::string& name) const {
    for (SpaceId id = 0; id < graph_.spaces.size(); ++id) {
      if (graph_.spaces[id].name == name) return id;
    }
    return std::nullopt;
  }

  // Where the last ".{...}" of a name begins.
  static size_t copied_part(const std::string& name) {
    size_t at = name.size();
    for (int open = 0; at-- > 1;) {
      open += name[at] == '}' ? 1 : name[at] == '{' ? -1 : 0;
      if (open == 0) return name[at - 1] == '.' ? at - 1 : std::string::npos;
    }
    return std::string::npos;
  }

  // Where the brackets that end a name begin: fixed rows may have sizes of members in them, `[|review[books].label|]`.
  static size_t opening(const std::string& name) {
    size_t at = name.size();
    for (int open = 0; at-- > 0;) {
      open += name[at] == ']' ? 1 : name[at] == '[' ? -1 : 0;
      if (open == 0) return at;
    }
    return std::string::npos;
  }

  void read_copies(Cursor& in, const std::string& name, SpaceId parent, size_t cut) {
    const std::optional<SpaceId> of = find_space(name.substr(cut + 2, name.size() - cut - 3));
    const bool good = of && !graph_.spaces[*of].dim.empty() && !graph_.spaces[*of].length &&
                      !graph_.spaces[*of].copies && graph_.spaces[*of].parent != parent &&
                      graph_.spaces.is_ancestor(graph_.spaces[*of].parent, parent);
    if (!good) return in.fail("`" + name + "` has no rows to copy");
    graph_.spaces.add_copies(parent, *of);
  }

  // "atis", "atis.T", "atis.T[14]", "atis.(T + 1)", "atis.Q.{atis.C}": the parent comes first in the text.
  void read_space(Cursor& in) {
    const std::string name = in.rest();
    // Symbols in fixed rows may contain dots, names of dims do not.
    const char last = name.empty() ? ' ' : name.back();
    const size_t open = last == ']' ? opening(name) : std::string::npos;
    // `review[books]` is a source, a member of a family, unless `review` is one that has fixed rows.
    const std::string front = open == std::string::npos ? "" : name.substr(0, open);
    const bool member = !front.empty() && front.find('.') == std::string::npos && !find_space(front);
    const bool fixed = last == ']' && !member, derived = last == ')', copies = last == '}';
    const size_t cut = fixed     ? open
                       : derived ? name.rfind(".(")
                       : copies  ? copied_part(name)
                       : member  ? std::string::npos
                                 : name.rfind('.');
    if (cut == std::string::npos && (fixed || derived || copies)) return in.fail("bad rows of a space");
    if (cut == std::string::npos) {
      graph_.spaces.add_source(name);
      return;
    }
    const std::optional<SpaceId> parent = find_space(name.substr(0, cut));
    if (!parent) return in.fail("the space above `" + name + "` is not declared");
    if (copies) return read_copies(in, name, *parent, cut);
    if (derived) {
      Cursor length(std::string_view(name).substr(cut + 2, name.size() - cut - 3));
      const Dim rows = read_dim(length);
      if (length.failed() || !length.at_end()) return in.fail("bad rows of a space");
      graph_.spaces.add_length(*parent, rows);
      return;
    }
    if (!fixed) {
      graph_.spaces.add_ragged(*parent, name.substr(cut + 1));
      return;
    }
    Cursor rows(std::string_view(name).substr(cut));
    const std::vector<Dim> dims = read_dims(rows);
    if (rows.failed() || dims.size() != 1) return in.fail("bad rows of a space");
    graph_.spaces.add_fixed(*parent, dims[0]);
  }

  SpaceRef read_space_ref(Cursor& in) {
    in.take("<");
    const std::string name = in.until('>');
    const std::optional<SpaceId> id = find_space(name);
    if (!id) in.fail("space `" + name + "` is not declared");
    return {id.value_or(0)};
  }

  Value read_value(Cursor& in) {
    in.take("%");
    Value value;
    value.node = static_cast<NodeId>(in.integer());
    if (in.try_take(".")) value.result = static_cast<uint32_t>(in.integer());
    if (!in.failed() && (value.node >= graph_.nodes.size() || value.result >= graph_.nodes[value.node].types.size())) {
      in.fail("this value does not exist");
    }
    return value;
  }

  Attr read_attr(Cursor& in) {
    switch (in.peek()) {
      case '"':
        return in.quoted();
      case '[':
        return read_dims(in);
      case '<':
        return read_space_ref(in);
      default:
        break;
    }
    if (in.try_take("true")) return true;
    if (in.try_take("false")) return false;
    return in.number();
  }

  Type read_type(Cursor& in) {
    Type type;
    const std::string dtype = in.word();
    bool is_known = false;
    for (const DType candidate : {DType::f32, DType::i32, DType::boolean}) {
      if (types::dtype_name(candidate) != dtype) continue;
      type.dtype = candidate;
      is_known = true;
    }
    if (!is_known) in.fail("unknown type `" + dtype + "`");
    if (in.peek() == '<') type.space = read_space_ref(in).id;
    if (in.peek() == '[') type.dims = read_dims(in);
    return type;
  }

  void read_node(Cursor& in) {
    in.take("%");
    if (in.integer() != static_cast<int64_t>(graph_.nodes.size())) in.fail("nodes are numbered from 0 in order");
    if (in.try_take(":")) in.integer();
    in.take("=");
    const std::string op = in.word();
    std::vector<Value> operands;
    while (!in.failed() && in.peek() == '%') {
      operands.push_back(read_value(in));
      if (!in.try_take(",")) break;
    }
    Attrs attrs;
    if (in.try_take("{")) {
      do {
        const std::string name = in.word();
        in.take("=");
        attrs[name] = read_attr(in);
      } while (!in.failed() && in.try_take(","));
      in.take("}");
    }
    if (!in.failed()) make_node(in, op, std::move(operands), std::move(attrs));
  }

  void make_node(Cursor& in, const std::string& op, std::vector<Value> operands, Attrs attrs) {
    const ops::OpDef* definition = ops::find_op(op);
    if (!definition) return in.fail("there is no op `" + op + "`");
    if (definition->operands >= 0 && definition->operands != static_cast<int>(operands.size())) {
      return in.fail("op `" + op + "` takes another number of operands");
    }
    auto made = Builder(graph_).make(op, std::move(operands), std::move(attrs));
    if (!made) return in.fail(made.error().message);
    if (!in.try_take(":")) return;
    const std::vector<Type>& types = graph_.nodes.back().types;
    for (size_t i = 0; i < types.size(); ++i) {
      if (i) in.take(",");
      const Type written = read_type(in);
      if (!in.failed() && written != types[i]) in.fail("the type is " + graph_text(types[i], graph_.spaces));
    }
  }

  Graph graph_;
};

}  // namespace

Result<Graph, ReadError> read(std::string_view text) {
  return Reader().read(text);
}

}  // namespace mtl::ir
