// What an axis is as long as follows from the symbolic size (`|slu.intent|` alone: the labels of a head) and from what
// elaboration noted of ids that look rows up or are multiplied as one-hot rows (ParamInfo::ids).
#include "runtime/training/param_rows.h"

#include <algorithm>
#include <set>

#include "runtime/data/unknown.h"
#include "support/base/text.h"

namespace mtl::training {

namespace {

using elaborate::IdAxis;
using elaborate::Init;
using elaborate::ParamInfo;

// "|en|" is the size of "vocab en", "|slu.intent|" that of "column slu.intent".
std::string set_of_atom(const std::string& atom) {
  if (atom.size() < 2 || atom.front() != '|' || atom.back() != '|') return "";
  const std::string path = atom.substr(1, atom.size() - 2);
  return (path.find('.') == std::string::npos ? "vocab " : "column ") + path;
}

std::string name_of_set(const std::string& key) {
  return "`" + key.substr(key.find(' ') + 1) + "`";
}

// Several sets on one place say nothing of whose it is.
void add_block(ParamAxis& axis, const IdAxis& block, const data::Fitted& fitted) {
  const data::IdSet* set = data::find_set(fitted, block.set);
  const int64_t ids = set ? static_cast<int64_t>(set->size()) : 0, end = block.begin + ids * block.each;
  bool apart = set != nullptr && block.each > 0 && end <= axis.size;
  for (const IdAxis& other : axis.blocks) {
    const auto size = static_cast<int64_t>(data::find_set(fitted, other.set)->size());
    if (other == block) return;
    apart = apart && (end <= other.begin || block.begin >= other.begin + size * other.each);
  }
  if (apart) {
    axis.blocks.push_back(block);
  } else {
    axis.others.push_back(block.set);
  }
}

void add_symbol(ParamAxis& axis, int number, const types::Dim& dim, const data::Fitted& fitted) {
  std::set<std::string> sets;
  for (const auto& [atoms, coefficient] : dim.terms())
    for (const std::string& atom : atoms) sets.insert(set_of_atom(atom));
  const bool alone = sets.size() == 1 && dim == types::Dim::atom(dim.text());
  if (alone && axis.blocks.empty() && axis.others.empty())
    return add_block(axis, {*sets.begin(), number, 0, 1}, fitted);
  for (const std::string& set : sets) {
    const auto of_set = [&](const IdAxis& block) { return block.set == set; };
    if (std::none_of(axis.blocks.begin(), axis.blocks.end(), of_set)) axis.others.push_back(set);
  }
}

bool is_of_data(Init::Kind kind) {
  return kind == Init::Kind::positive_share || kind == Init::Kind::class_weights ||
         kind == Init::Kind::tag_transitions || kind == Init::Kind::tag_starts || kind == Init::Kind::tag_ends;
}

bool same_set(const data::IdSet* a, const data::IdSet* b) {
  if (a == nullptr || b == nullptr || a->buckets != b->buckets) return false;
  return a->buckets > 0 ? a->lowercase == b->lowercase : a->names == b->names;
}

bool same_sets(const std::map<std::string, data::IdSet>& a, const std::map<std::string, data::IdSet>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && same_set(&one.second, &other.second);
  });
}

struct Gap {
  int64_t begin, size;
};

std::vector<Gap> gaps_of(const ParamAxis& axis, const data::Fitted& fitted) {
  std::vector<Gap> gaps;
  int64_t at = 0;
  const auto reach = [&](int64_t begin) {
    if (begin > at) gaps.push_back({at, begin - at});
  };
  for (const IdAxis& block : axis.blocks) {
    reach(block.begin);
    at = block.begin + static_cast<int64_t>(data::find_set(fitted, block.set)->size()) * block.each;
  }
  reach(axis.size);
  return gaps;
}

// The block that holds what this one holds: of the same set, and of several such the one with its number; or the only
// one, of a vocabulary that was renamed.
const IdAxis* counterpart(const ParamAxis& now, size_t at, const ParamAxis& then) {
  const auto of_set = [&](const IdAxis& block) { return block.set == now.blocks[at].set; };
  auto skip = std::count_if(now.blocks.begin(), now.blocks.begin() + static_cast<int64_t>(at), of_set);
  for (const IdAxis& block : then.blocks)
    if (of_set(block) && skip-- == 0) return &block;
  return now.blocks.size() == 1 && then.blocks.size() == 1 ? then.blocks.data() : nullptr;
}

class AxisMatch {
 public:
  AxisMatch(const ParamAxis& now, const data::Fitted& now_fitted, const ParamAxis& then,
            const data::Fitted& then_fitted)
      : now_(now), now_fitted_(now_fitted), then_(then), then_fitted_(then_fitted) {}

  // False and a reason; an empty one: the sizes differ.
  bool run(RowMatch& out, std::string& why) {
    if (!others_agree(why)) return false;
    const std::vector<Gap> gaps = gaps_of(now_, now_fitted_), old = gaps_of(then_, then_fitted_);
    const auto same_size = [](const Gap& a, const Gap& b) { return a.size == b.size; };
    if (!std::equal(gaps.begin(), gaps.end(), old.begin(), old.end(), same_size)) return false;
    from_.assign(static_cast<size_t>(now_.size), -1);
    for (size_t g = 0; g < gaps.size(); ++g)
      for (int64_t i = 0; i < gaps[g].size; ++i) from_[static_cast<size_t>(gaps[g].begin + i)] = old[g].begin + i;
    for (size_t b = 0; b < now_.blocks.size(); ++b) match_block(b, out);
    out.from.push_back(std::move(from_));
    return true;
  }

 private:
  bool others_agree(std::string& why) const {
    if (!now_.known || !then_.known) {
      if (same_sets(now_fitted_.vocabs, then_fitted_.vocabs) && same_sets(now_fitted_.sets, then_fitted_.sets))
        return true;
      why = "it is not known whose numbers it holds";
      return false;
    }
    for (const auto* sets : {&now_.others, &then_.others}) {
      for (const std::string& set : *sets) {
        if (same_set(data::find_set(now_fitted_, set), data::find_set(then_fitted_, set))) continue;
        why = "it depends on " + name_of_set(set) + ", which has other names there";
        return false;
      }
    }
    return true;
  }

  void match_block(size_t number, RowMatch& out) {
    const IdAxis& block = now_.blocks[number];
    const IdAxis* old = counterpart(now_, number, then_);
    const data::IdSet& set = *data::find_set(now_fitted_, block.set);
    const data::IdSet* names = old && old->each == block.each ? data::find_set(then_fitted_, old->set) : nullptr;
    const bool hashed = set.buckets > 0 || (names && names->buckets > 0);
    if (hashed && !same_set(&set, names)) names = nullptr;
    const auto size = static_cast<int32_t>(set.size());
    int64_t found = 0;
    for (int32_t id = 0; names && id < size; ++id) {
      const int32_t there = hashed ? id : names->id_of(set.names[static_cast<size_t>(id)]);
      if (there < 0) continue;
      ++found;
      for (int64_t i = 0; i < block.each; ++i)
        from_[static_cast<size_t>(block.begin + id * block.each + i)] = old->begin + there * block.each + i;
    }
    if (found < size)
      out.part.push_back(std::to_string(found) + " of " + std::to_string(size) + " of " + name_of_set(block.set));
  }

  const ParamAxis& now_;
  const data::Fitted& now_fitted_;
  const ParamAxis& then_;
  const data::Fitted& then_fitted_;
  std::vector<int64_t> from_;
};

}  // namespace

RowsByPath rows_of(const std::vector<ParamInfo>& params, const std::vector<ParamInfo>* symbolic,
                   const data::Fitted& fitted) {
  std::map<std::string, const ParamInfo*> symbols;
  if (symbolic)
    for (const ParamInfo& param : *symbolic) symbols[param.path] = &param;
  RowsByPath out;
  for (const ParamInfo& param : params) {
    ParamRows& rows = out[param.path];
    rows.tasks = param.init.tasks;
    rows.of_data = is_of_data(param.init.kind);
    const auto symbol = symbols.find(param.path);
    const bool known = symbol != symbols.end() && symbol->second->dims.size() == param.dims.size();
    for (size_t d = 0; d < param.dims.size(); ++d) {
      ParamAxis axis{param.dims[d].value(), {}, {}, known};
      for (const IdAxis& ids : param.ids)
        if (ids.axis == static_cast<int>(d)) add_block(axis, ids, fitted);
      if (known) add_symbol(axis, static_cast<int>(d), symbol->second->dims[d], fitted);
      std::sort(axis.blocks.begin(), axis.blocks.end(),
                [](const IdAxis& a, const IdAxis& b) { return a.begin < b.begin; });
      rows.axes.push_back(std::move(axis));
    }
  }
  return out;
}

std::optional<RowMatch> match_rows(const RowsOfModel& now, const RowsOfModel& then, std::string& why) {
  RowMatch match;
  why.clear();
  if (now.rows.tasks != then.rows.tasks) {
    why = "it mixes " + join(now.rows.tasks) + " here, and not these tasks in the file";
    return std::nullopt;
  }
  bool same = now.rows.axes.size() == then.rows.axes.size();
  for (size_t d = 0; same && d < now.rows.axes.size(); ++d)
    same = AxisMatch(now.rows.axes[d], now.fitted, then.rows.axes[d], then.fitted).run(match, why);
  if (same) return match;
  if (why.empty()) why = "it is " + shape_text(now.rows) + " here and " + shape_text(then.rows) + " in the file";
  return std::nullopt;
}

int64_t copy_matched(const RowMatch& match, const ParamRows& then, const float* from, float* to) {
  // Places of all axes but the last, counted up like the digits of a number.
  std::vector<size_t> place(match.from.size(), 0);
  for (const auto& axis : match.from)
    if (axis.empty()) return 0;
  int64_t taken = 0;
  for (bool more = true; more; ++to) {
    int64_t at = 0;
    bool there = true;
    for (size_t d = 0; d < place.size() && there; ++d) {
      const int64_t old = match.from[d][place[d]];
      there = old >= 0;
      at = at * then.axes[d].size + old;
    }
    if (there) *to = from[at], ++taken;
    more = false;
    for (size_t d = place.size(); d-- > 0 && !more;) {
      more = ++place[d] < match.from[d].size();
      if (!more) place[d] = 0;
    }
  }
  return taken;
}

std::string shape_text(const ParamRows& rows) {
  std::vector<std::string> sizes;
  for (const ParamAxis& axis : rows.axes) sizes.push_back(std::to_string(axis.size));
  return "[" + join(sizes) + "]";
}

}  // namespace mtl::training
