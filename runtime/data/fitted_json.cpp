// Fitted <-> JSON, for the metadata of a model file. What is read may come from anyone: every type, size and number
// is checked before it is used. Word vectors are left out: their rows live on as weights.
#include <cmath>

#include "runtime/data/load.h"
#include "runtime/data/plan.h"
#include "support/base/json.h"

namespace mtl::data {
namespace {

using Json = nlohmann::json;

constexpr int kFittedVersion = 1;

// As text at once: a tree of millions of names would take ten times as much.
void add_sets(const std::map<std::string, IdSet>& sets, std::string& out) {
  const char* separator = "{";
  for (const auto& [key, set] : sets) {
    out += separator + Json(key).dump() + ":{";
    separator = ",";
    if (set.buckets > 0) out += "\"buckets\":" + std::to_string(set.buckets) + ",";
    out += std::string("\"has_unknown\":") + (set.has_unknown ? "true" : "false") +
           ",\"lowercase\":" + (set.lowercase ? "true" : "false") + ",\"names\":[";
    for (size_t id = 0; id < set.names.size(); ++id) {
      if (id > 0) out += ',';
      out += Json(set.names[id]).dump();
    }
    out += "]}";
  }
  out += sets.empty() ? "{}" : "}";
}

class FittedReader {
 public:
  explicit FittedReader(std::string& why) : why_(why) {}

  std::optional<Fitted> read(std::string_view text) {
    const auto parsed = parse_json(text);
    if (!parsed) return fail(parsed.error().what), std::nullopt;
    const Json& json = *parsed;
    if (!json.is_object()) return fail("it is not a JSON object"), std::nullopt;
    const auto version = json.find("version");
    if (version == json.end() || !version->is_number_integer() || *version != kFittedVersion) {
      return fail("it is of another version"), std::nullopt;
    }
    Fitted out;
    const bool good =
        entries(json, "vocabs", [&](const std::string& key, const Json& j) { return set(key, j, out.vocabs[key]); }) &&
        entries(json, "sets", [&](const std::string& key, const Json& j) { return set(key, j, out.sets[key]); }) &&
        entries(json, "numbers",
                [&](const std::string& key, const Json& j) { return stats(key, j, out.numbers[key]); });
    return good ? std::optional<Fitted>(std::move(out)) : std::nullopt;
  }

 private:
  bool fail(std::string why) {
    why_ = std::move(why);
    return false;
  }

  template <class Visit>
  bool entries(const Json& json, const char* name, Visit&& visit) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_object()) return fail("`" + std::string(name) + "` is missing");
    for (const auto& item : found->items()) {
      if (!item.value().is_object()) return fail("`" + item.key() + "` is not an object");
      if (!visit(item.key(), item.value())) return false;
    }
    return true;
  }

  bool flag(const std::string& key, const Json& json, const char* name, bool& out) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_boolean())
      return fail("`" + std::string(name) + "` of `" + key + "` is no truth value");
    out = found->get<bool>();
    return true;
  }

  bool set(const std::string& key, const Json& json, IdSet& out) {
    if (!flag(key, json, "has_unknown", out.has_unknown) || !flag(key, json, "lowercase", out.lowercase)) return false;
    const auto names = json.find("names");
    if (names == json.end() || !names->is_array()) return fail("`names` of `" + key + "` is no list");
    if (names->size() >= static_cast<size_t>(INT32_MAX)) return fail("`" + key + "` has too many names");
    for (const Json& name : *names) {
      if (!name.is_string()) return fail("a name of `" + key + "` is no text");
      const size_t before = out.names.size();
      out.add(name.get_ref<const std::string&>());
      if (out.names.size() == before) return fail("`" + key + "` holds a name twice");
    }
    if (const auto buckets = json.find("buckets"); buckets != json.end()) {
      const bool number = buckets->is_number_integer() && *buckets >= 1 && *buckets <= INT32_MAX;
      if (!number || !out.names.empty() || out.has_unknown) return fail("`buckets` of `" + key + "` is not right");
      out.buckets = buckets->get<int64_t>();
    }
    if (out.has_unknown && out.names.empty()) return fail("`" + key + "` lacks its unknown entry");
    return true;
  }

  bool numbers(const std::string& key, const Json& json, std::vector<double>& out) {
    if (!json.is_array()) return fail("a list of `" + key + "` is missing");
    for (const Json& number : json) {
      if (!number.is_number() || !std::isfinite(number.get<double>()))
        return fail("`" + key + "` holds what is no number");
      out.push_back(number.get<double>());
    }
    return true;
  }

  bool stats(const std::string& key, const Json& json, NumberStats& out) {
    const std::pair<const char*, std::vector<double>*> lists[] = {{"mean", &out.mean},
                                                                  {"deviation", &out.deviation},
                                                                  {"minimum", &out.minimum},
                                                                  {"maximum", &out.maximum},
                                                                  {"fill", &out.fill}};
    for (const auto& [name, list] : lists) {
      const auto found = json.find(name);
      if (found != json.end() && !numbers(key, *found, *list)) return false;
    }
    if (out.mean.size() != out.deviation.size() || out.minimum.size() != out.maximum.size()) {
      return fail("the lists of `" + key + "` have different lengths");
    }
    const auto edges = json.find("bin_edges");
    if (edges == json.end()) return true;
    if (!edges->is_array()) return fail("`bin_edges` of `" + key + "` is no list");
    for (const Json& element : *edges) {
      if (!numbers(key, element, out.bin_edges.emplace_back())) return false;
    }
    return true;
  }

  std::string& why_;
};

// Do the fitted parts have the sizes that the declarations ask for?
bool fits_column(const Fitted& fitted, const SourceSpec& source, const ColumnSpec& column, std::string& why) {
  const std::string path = source.name + "." + column.name;
  size_t width = 1;
  for (const int64_t dim : column.fixed) width *= static_cast<size_t>(dim);
  bool has_bins = false;
  for (const Transform& transform : column.transforms) has_bins = has_bins || transform.kind == Transform::Kind::bins;
  const bool numeric = column.kind == ValueKind::number || column.kind == ValueKind::boolean || has_bins;
  const auto need = [&](bool good, const char* what) {
    if (!good) why = "`" + path + "` lacks its " + what;
    return good;
  };
  if (column.kind == ValueKind::token) {
    const auto vocab = fitted.vocabs.find(column.vocab);
    return need(vocab != fitted.vocabs.end() && vocab->second.buckets == hash_count(column), "vocabulary");
  }
  if (!numeric || has_bins) {
    const auto set = fitted.sets.find(path);
    if (!need(set != fitted.sets.end() && set->second.buckets == hash_count(column), "set")) return false;
  }
  if (column.kind == ValueKind::category && !column.fixed.empty() && hash_count(column) == 0) {
    for (size_t e = 0; e < width; ++e) {
      if (!need(fitted.sets.at(path).id_of(std::to_string(e) + "=<unk>") >= 0, "unknown entries")) return false;
    }
  }
  if (!numeric) return true;
  const auto found = fitted.numbers.find(path);
  if (!need(found != fitted.numbers.end(), "numbers")) return false;
  const NumberStats& stats = found->second;
  for (const Transform& transform : column.transforms) {
    using Kind = Transform::Kind;
    const Kind kind = transform.kind;
    if (kind == Kind::standardize && !need(stats.mean.size() == width, "mean")) return false;
    if (kind == Kind::minmax && !need(stats.minimum.size() == width, "minimum")) return false;
    if ((kind == Kind::fill_number || kind == Kind::fill_mean) && !need(stats.fill.size() == width, "fill"))
      return false;
    if (kind == Kind::bins && !need(stats.bin_edges.size() == width, "bins")) return false;
    if (kind != Kind::bins) continue;
    for (const auto& edges : stats.bin_edges) {
      if (!need(edges.size() < fitted.sets.at(path).size(), "bins")) return false;
    }
  }
  return true;
}

}  // namespace

std::string to_json(const Fitted& fitted) {
  Json numbers = Json::object();
  for (const auto& [name, stats] : fitted.numbers) {
    numbers[name] = {{"mean", stats.mean},       {"deviation", stats.deviation}, {"minimum", stats.minimum},
                     {"maximum", stats.maximum}, {"fill", stats.fill},           {"bin_edges", stats.bin_edges}};
  }
  std::string out = "{\"numbers\":" + numbers.dump() + ",\"sets\":";
  add_sets(fitted.sets, out);
  out += ",\"version\":" + std::to_string(kFittedVersion) + ",\"vocabs\":";
  add_sets(fitted.vocabs, out);
  return out + "}";
}

std::optional<Fitted> fitted_from_json(std::string_view json, std::string& why) {
  return FittedReader(why).read(json);
}

bool fits_spec(const Fitted& fitted, const Spec& spec, std::string& why) {
  for (const SourceSpec& source : spec.sources) {
    for (const ColumnSpec& column : source.columns) {
      if (!fits_column(fitted, source, column, why)) return false;
    }
  }
  return true;
}

}  // namespace mtl::data
