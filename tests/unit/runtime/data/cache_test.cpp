// Tests of runtime/data/cache.h.
#include "runtime/data/cache.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/runtime/data/fixture.h"

using namespace mtl::data;
using namespace mtl::data::test;

namespace {

Spec everything() {
  Spec spec = one_source(
      Format::tsv, {along({"T"}, column("w", ValueKind::token, named({"w"}), {transform(Kind::split, " "), limit(2)})),
                    column("y", ValueKind::label, named({"y"})),
                    column("n", ValueKind::number, named({"n"}), {transform(Kind::standardize)})});
  spec.sources[0].dev = {"dev"};
  spec.vocabs[0].embeddings = "vectors";
  return spec;
}

void write_all(const Folder& folder) {
  folder.write("train", "w\ty\tn\na b c\tX\t1\nb\tY\t2\n");
  folder.write("dev", "w\ty\tn\nb z\tZ\t3\n");
  folder.write("vectors", "a 1 2\nb 3 4\n");
}

void check_same(const Dataset& a, const Dataset& b) {
  CHECK(to_json(a.fitted) == to_json(b.fitted));
  CHECK(a.fitted.vectors.at("en").values == b.fitted.vectors.at("en").values);
  CHECK(a.fitted.vectors.at("en").row_of == b.fitted.vectors.at("en").row_of);
  REQUIRE(a.sources.size() == b.sources.size());
  CHECK(a.sources[0].has_dev == b.sources[0].has_dev);
  for (const auto part : {&Source::train, &Source::dev}) {
    const Split& left = a.sources[0].*part;
    const Split& right = b.sources[0].*part;
    CHECK(left.examples == right.examples);
    CHECK(left.ragged.at("T").offsets == right.ragged.at("T").offsets);
    CHECK(left.ragged.at("T").cut == right.ragged.at("T").cut);
    for (const auto& [name, column] : left.columns) {
      CHECK(column.ids == right.columns.at(name).ids);
      CHECK(column.numbers == right.columns.at(name).numbers);
      CHECK(column.dim == right.columns.at(name).dim);
      CHECK(column.unseen_names == right.columns.at(name).unseen_names);
    }
  }
}

std::string only_file(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path().string());
  REQUIRE(files.size() == 1);
  return files[0];
}
std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("the second load comes from the cache, with the same data and the same warnings") {
  Folder folder;
  write_all(folder);
  const std::string cache = folder.path() + "/cache";
  const Loading first(everything(), folder, 0, cache);
  REQUIRE(first.data);
  CHECK(first.reports().size() == 2);  // an unseen label, a cut sentence
  const std::string file = only_file(cache);
  const auto written = std::filesystem::last_write_time(file);
  REQUIRE(read_cache(file, cache_key(everything(), first.options), everything()));
  const Loading second(everything(), folder, 0, cache);
  REQUIRE(second.data);
  check_same(*first.data, *second.data);
  CHECK(first.reports() == second.reports());
  CHECK(std::filesystem::last_write_time(file) == written);
}

TEST_CASE("a changed file or a changed declaration makes another cache") {
  Folder folder;
  write_all(folder);
  const std::string cache = folder.path() + "/cache";
  const Loading first(everything(), folder, 0, cache);
  folder.write("train", "w\ty\tn\na b c\tX\t1\nb\tY\t7\nq\tY\t7\n");
  CHECK(Loading(everything(), folder, 0, cache).train().examples == 3);
  Spec other = everything();
  other.vocabs[0].lowercase = true;
  CHECK(Loading(other, folder, 0, cache).data->fitted.vocabs.at("en").lowercase);
  CHECK(cache_key(other, first.options) != cache_key(everything(), first.options));
}

TEST_CASE("a damaged cache is rebuilt without a word") {
  Folder folder;
  write_all(folder);
  const std::string cache = folder.path() + "/cache";
  const Loading first(everything(), folder, 0, cache);
  const std::string file = only_file(cache);
  const std::string good = bytes_of(file);
  const std::string key = cache_key(everything(), first.options);
  for (const size_t size : {size_t{0}, size_t{7}, size_t{23}, good.size() / 2, good.size() - 1}) {
    std::ofstream(file, std::ios::binary) << good.substr(0, size);
    CHECK_FALSE(read_cache(file, key, everything()));
  }
  for (size_t i = 0; i < good.size(); i += 97) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    std::ofstream(file, std::ios::binary) << bad;
    CHECK_FALSE(read_cache(file, key, everything()));
  }
  const Loading again(everything(), folder, 0, cache);
  REQUIRE(again.data);
  check_same(*first.data, *again.data);
  CHECK(bytes_of(file) == good);
}

TEST_CASE("a cache that names other ids than there are is no cache") {
  Folder folder;
  write_all(folder);
  const std::string cache = folder.path() + "/cache";
  const Loading first(everything(), folder, 0, cache);
  REQUIRE(first.data);
  const std::string file = only_file(cache), key = cache_key(everything(), first.options);
  const auto reads_back = [&](const auto& change) {
    Dataset data = *first.data;
    change(data);
    write_cache(file, key, data, {});
    return read_cache(file, key, everything()).has_value();
  };
  CHECK(reads_back([](Dataset&) {}));
  const int32_t words = static_cast<int32_t>(first.data->fitted.vocabs.at("en").size());
  CHECK(reads_back([&](Dataset& d) { d.sources[0].train.columns.at("w").ids[0] = words - 1; }));
  CHECK_FALSE(reads_back([&](Dataset& d) { d.sources[0].train.columns.at("w").ids[0] = words; }));
  CHECK_FALSE(reads_back([&](Dataset& d) { d.sources[0].dev.columns.at("y").ids[0] = 2; }));
  CHECK_FALSE(reads_back([&](Dataset& d) { d.sources[0].name = "other"; }));
  CHECK_FALSE(reads_back([&](Dataset& d) { d.sources.clear(); }));
  CHECK_FALSE(reads_back([&](Dataset& d) { d.fitted.vectors.at("en").width = int64_t{1} << 62; }));
}

TEST_CASE("a file that was replaced is read again, though its size and its time are the old ones") {
  Folder folder;
  write_all(folder);
  const std::string cache = folder.path() + "/cache", train = folder.path() + "/train";
  const Loading first(everything(), folder, 0, cache);
  const auto time = std::filesystem::last_write_time(train);
  folder.write("train", "w\ty\tn\na b c\tX\t1\nb\tY\t9\n");
  std::filesystem::last_write_time(train, time);
  const Loading second(everything(), folder, 0, cache);
  CHECK(second.data->fitted.numbers.at("s.n").mean != first.data->fitted.numbers.at("s.n").mean);
}

TEST_CASE("a cache that cannot be written is no error, and errors are not cached") {
  Folder folder;
  write_all(folder);
  folder.write("file", "x");
  CHECK(Loading(everything(), folder, 0, folder.path() + "/file/below").data);
  const std::string cache = folder.path() + "/cache";
  folder.write("train", "w\ty\tn\na\tX\tbad\n");
  CHECK_FALSE(Loading(everything(), folder, 0, cache).data);
  CHECK_FALSE(std::filesystem::exists(cache));
}
