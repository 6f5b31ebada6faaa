// Tests of runtime/training/start_values.h: `load` statements and `--from`, from files to weights.
#include "runtime/training/start_values.h"

#include <bit>
#include <catch2/catch.hpp>
#include <fstream>
#include <limits>

#include "compiler/elaborate/elaborate.h"
#include "runtime/model/model_file.h"
#include "tests/unit/runtime/training/loaded_program.h"

using namespace mtl;
using namespace mtl::training;

namespace {

using Numbers = std::vector<float>;

struct Program : LoadedProgram {
  std::vector<StartValues> start;
  std::vector<Fact> facts;

  Program(const TemporaryFolder& folder, const std::string& text) : LoadedProgram(folder, text) {
    INFO(errors());
    REQUIRE(session);
  }
  bool has(const std::string& text) const { return errors().find(text) != std::string::npos; }
  model::ModelFile about() const { return about_model(*file, sources, {}); }

  bool begin(const TemporaryFolder& folder, const std::string& from = "") {
    const TrainInput input{make_elaborator(*file, program->data, dataset->fitted, emitter),
                           {},
                           program->data,
                           *dataset,
                           program->train,
                           about(),
                           folder.path(""),
                           [&](const elaborate::ElaborateOptions& asked) {
                             diag::Emitter aside(&sources);
                             return elaborate::elaborate(*file, asked, aside);
                           }};
    return start_from_files(input, from.empty() ? "" : folder.path(from), *session, start, facts, emitter);
  }
  Numbers at(const std::string& path) {
    const model::Entry* entry = session->weights().find(path);
    INFO(path);
    REQUIRE(entry);
    const float* from = session->weights().of(*entry);
    return {from, from + entry->size};
  }
  const StartValues::Param& said(const std::string& path, size_t statement = 0) const {
    for (const auto& param : start.at(statement).params)
      if (param.path == path) return param;
    FAIL("nothing is said of " << path);
    return start[0].params[0];
  }
  // As a model whose numbers are 1, 2, 3, ...
  void save(const std::string& path) {
    model::ModelFile out = about();
    out.fitted = dataset->fitted;
    float next = 1;
    for (const model::Entry& entry : session->weights().entries())
      for (int64_t i = 0; i < entry.size; ++i) session->weights().of(entry)[i] = next++;
    out.tensors = model::to_tensors(session->weights());
    std::string why;
    REQUIRE(model::save_model(path, out, why));
  }
  int32_t word(const std::string& text) const { return dataset->fitted.vocabs.at("en").id_of(text); }
  int32_t label(const std::string& column, const std::string& text) const {
    return dataset->fitted.sets.at(column).id_of(text);
  }
};

void write_tensors(const std::string& path, std::vector<model::Tensor> tensors) {
  std::string why;
  REQUIRE(model::write_safetensors(path, {{}, std::move(tensors)}, why));
}

// A file by its bytes, for types that we do not write.
void write_raw(const std::string& path, const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  std::ofstream(path, std::ios::binary) << std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

const char* kOldData =
    "text\tcolor\tshape\tmood\tgood\n"
    "a b c\tred\tround\tsad\ttrue\n"
    "b d\tblue\tflat\thappy\tfalse\n"
    "c c a\tred\tflat\tcalm\ttrue\n";
// Other words, colors and labels, all in another order.
const char* kNewData =
    "text\tcolor\tshape\tmood\tgood\n"
    "e d d d\tgreen\tflat\thappy\ttrue\n"
    "b e\tgreen\tround\tangry\tfalse\n"
    "a b\tblue\tflat\tcalm\ttrue\n";

const std::string kData = R"(
vocab en { }
data d {
  format = tsv
  train = "d.tsv"
  words : token(en)[T] = column("text") |> words
  color : category = column("color")
  shape : category = column("shape")
  mood  : label = column("mood")
  good  : bool = column("good") |> is("true")
}
)";

std::string old_program() {
  return kData + R"(
model m {
  shared encoder = embed(2) >> linear(3)
  private gate = linear(2)
  let h = encoder(d.words) |> mean(over = d.T)
  task mood predicts d.mood {
    head = concat(one_hot(d.color, |d.color|), gate(h), one_hot(d.shape, |d.shape|)) |> linear(|target|)
  }
  task good predicts d.good { head = gate(h) |> linear(1) }
  balance = uncertainty()
})";
}

// With another task in the place of one, a wider head, and the columns of `mood` in another order.
std::string new_program() {
  return kData + R"(
model m {
  shared encoder = embed(2) >> linear(3)
  private gate = linear(2)
  let h = encoder(d.words) |> mean(over = d.T)
  task mood predicts d.mood {
    head = concat(one_hot(d.shape, |d.shape|), gate(h), one_hot(d.color, |d.color|)) |> linear(|target|)
  }
  task color predicts d.good { head = gate(h) |> linear(4) |> linear(1) }
  balance = uncertainty()
})";
}

}  // namespace

TEST_CASE("--from takes what has the same paths, rows by words, columns by values, classes by labels") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  Program old(folder, old_program());
  old.save(folder.path("old.safetensors"));
  std::ofstream(folder.path("d.tsv")) << kNewData;
  Program now(folder, new_program());
  const Numbers drawn = now.at("encoder.embed.weight"), head = now.at("mood.linear.weight");
  const Numbers fresh = now.at("color.linear.weight");
  const bool good = now.begin(folder, "old.safetensors");
  INFO(now.errors());
  REQUIRE(good);

  const Numbers words = now.at("encoder.embed.weight"), before = old.at("encoder.embed.weight");
  for (const std::string word : {"<unk>", "a", "b", "d"}) {
    INFO(word);
    for (int64_t i = 0; i < 2; ++i) CHECK(words[2 * now.word(word) + i] == before[2 * old.word(word) + i]);
  }
  for (int64_t i = 0; i < 2; ++i) CHECK(words[2 * now.word("e") + i] == drawn[2 * now.word("e") + i]);
  CHECK(now.said("encoder.embed.weight").note == "4 of 5 of `en`");
  CHECK(now.said("encoder.embed.weight").taken == 8);
  CHECK(now.at("encoder.linear.weight") == old.at("encoder.linear.weight"));
  CHECK(now.at("gate@mood.weight") == old.at("gate@mood.weight"));
  CHECK(now.said("gate@color.weight").note == "not in the file");

  const int64_t old_colors = 3, old_wide = 3 + 2 + 3, shapes = 3, wide = 3 + 2 + 3;  // with `<unk>`
  const Numbers weight = now.at("mood.linear.weight"), old_weight = old.at("mood.linear.weight");
  REQUIRE(weight.size() == static_cast<size_t>(3 * wide));
  for (const std::string mood : {"happy", "calm", "angry"}) {
    const int32_t row = now.label("d.mood", mood), old_row = old.label("d.mood", mood);
    const auto same = [&](int64_t column, int64_t old_column) {
      const bool there = old_row >= 0 && old_column >= 0;
      CHECK(weight[row * wide + column] ==
            (there ? old_weight[old_row * old_wide + old_column] : head[row * wide + column]));
    };
    INFO(mood);
    for (const std::string shape : {"<unk>", "round", "flat"})
      same(now.label("d.shape", shape), old_colors + 2 + old.label("d.shape", shape));
    for (int64_t i = 0; i < 2; ++i) same(shapes + i, old_colors + i);
    for (const std::string color : {"<unk>", "blue", "green"})
      same(shapes + 2 + now.label("d.color", color), old.label("d.color", color));
  }
  CHECK(now.said("mood.linear.weight").note == "2 of 3 of `d.mood` and 2 of 3 of `d.color`");
  CHECK(now.at("color.linear.weight") == fresh);
  CHECK(now.said("color.linear.weight").note == "not in the file");
  CHECK(now.start[0].left == std::vector<std::string>{"gate@good.weight", "gate@good.bias", "good.linear.weight",
                                                      "good.linear.bias", "balance.log_var@good"});
}

TEST_CASE("--from leaves what has another shape, and says so") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  Program old(folder, old_program());
  old.save(folder.path("old.safetensors"));
  std::string wider = old_program();
  wider.replace(wider.find("linear(3)"), 9, "linear(4)");
  Program now(folder, wider);
  REQUIRE(now.begin(folder, "old.safetensors"));
  CHECK(now.said("encoder.linear.weight").note == "it is [4, 2] here and [3, 2] in the file");
  CHECK(now.said("encoder.linear.weight").taken == 0);
  CHECK(now.at("mood.linear.weight") == old.at("mood.linear.weight"));

  Program other(folder, kData +
                            "model m { task fine predicts d.good { head = mean(embed(3)(d.words), over = d.T) |> "
                            "linear(1) |> linear(2) |> linear(1) } }");
  CHECK_FALSE(other.begin(folder, "old.safetensors"));
  CHECK(other.has("E0764"));
  CHECK_FALSE(other.begin(folder, "none.safetensors"));
  CHECK(other.has("E0700"));
}

TEST_CASE("a model whose program cannot be read gives what no word decides") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  Program old(folder, old_program());
  old.save(folder.path("old.safetensors"));
  std::string why;
  auto file = model::load_model(folder.path("old.safetensors"), why);
  REQUIRE(file);
  file->sources[0].second = "model m { of another version }";
  REQUIRE(model::save_model(folder.path("other.safetensors"), *file, why));
  Program now(folder, old_program());
  REQUIRE(now.begin(folder, "other.safetensors"));
  CHECK(now.at("encoder.linear.weight") == old.at("encoder.linear.weight"));
  CHECK(now.said("encoder.embed.weight").taken == 0);
  CHECK(now.said("encoder.embed.weight").note == "the program in the file does not say whose numbers it holds");

  // Tensors of other shapes than its program has are not trusted either.
  file = model::load_model(folder.path("old.safetensors"), why);
  for (model::Tensor& tensor : file->tensors)
    if (tensor.name == "encoder.embed.weight") tensor = {tensor.name, {1, 2}, {1, 2}};
  REQUIRE(model::save_model(folder.path("other.safetensors"), *file, why));
  Program again(folder, old_program());
  REQUIRE(again.begin(folder, "other.safetensors"));
  CHECK(again.said("encoder.embed.weight").taken == 0);
}

TEST_CASE("load takes the numbers of a file of any program, to the bit") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  const Numbers exact = {0.1f, -0.0f, 1e-42f, 3.4028235e38f, -1.5f, 7};
  write_tensors(folder.path("e.safetensors"), {{"base.linear.gamma", {3, 2}, exact}, {"pooler.bias", {1}, {1}}});
  std::string program = old_program();
  program.insert(program.rfind('}'),
                 "load encoder from \"e.safetensors\" except [encoder.embed, *.linear.bias] { strip = \"base.\" rename "
                 "\"gamma\" = \"weight\" }");
  Program now(folder, program);
  const Numbers bias = now.at("encoder.linear.bias");
  const bool good = now.begin(folder);
  INFO(now.errors());
  REQUIRE(good);
  const Numbers taken = now.at("encoder.linear.weight");
  REQUIRE(taken.size() == exact.size());
  for (size_t i = 0; i < exact.size(); ++i)
    CHECK(std::bit_cast<uint32_t>(taken[i]) == std::bit_cast<uint32_t>(exact[i]));
  CHECK(now.at("encoder.linear.bias") == bias);
  CHECK(now.start[0].left == std::vector<std::string>{"pooler.bias"});
  REQUIRE(now.facts.size() == 1);
  CHECK(now.facts[0].name == "`load encoder`");
  CHECK(now.facts[0].value ==
        "of `e.safetensors`, strip base., rename gamma = weight, except encoder.embed, *.linear.bias");

  write_tensors(folder.path("e.safetensors"), {{"base.linear.gamma", {3, 2}, {1, 2, 3, 4, 5, 6}}});
  Program changed(folder, program);
  REQUIRE(changed.begin(folder));
  CHECK(difference({now.facts, {}, {}}, {changed.facts, {}, {}}) ==
        "`load encoder` (" + now.facts[0].value + ") has other contents, or another order");
}

TEST_CASE("load fills all private copies, and each from its own where a model of ours has it") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  std::string program = old_program();
  program.insert(program.rfind('}'), "load gate from \"g.safetensors\"");
  write_tensors(folder.path("g.safetensors"), {{"weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"bias", {2}, {7, 8}}});
  Program now(folder, program);
  REQUIRE(now.begin(folder));
  for (const char* copy : {"gate@mood", "gate@good"}) {
    CHECK(now.at(std::string(copy) + ".weight") == Numbers{1, 2, 3, 4, 5, 6});
    CHECK(now.at(std::string(copy) + ".bias") == Numbers{7, 8});
  }
  Program(folder, old_program()).save(folder.path("g.safetensors"));
  Program own(folder, program);
  REQUIRE(own.begin(folder));
  CHECK(own.at("gate@mood.weight") != own.at("gate@good.weight"));
  std::string why;
  const auto file = model::load_model(folder.path("g.safetensors"), why);
  REQUIRE(file);
  for (const model::Tensor& tensor : file->tensors)
    if (tensor.name.starts_with("gate@")) CHECK(own.at(tensor.name) == tensor.values);
}

TEST_CASE("load from a model of ours takes rows by words") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  Program old(folder, old_program());
  old.save(folder.path("old.safetensors"));
  std::ofstream(folder.path("d.tsv")) << kNewData;
  std::string program = new_program();
  program.insert(program.rfind('}'), "load encoder from \"old.safetensors\"");
  Program now(folder, program);
  const bool good = now.begin(folder);
  INFO(now.errors());
  REQUIRE(good);
  for (int64_t i = 0; i < 2; ++i)
    CHECK(now.at("encoder.embed.weight")[2 * now.word("d") + i] ==
          old.at("encoder.embed.weight")[2 * old.word("d") + i]);
  CHECK(now.said("encoder.embed.weight").note == "4 of 5 of `en`");
}

TEST_CASE("load needs what it names, in its shape and of numbers") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  const auto errors = [&](const std::string& statement) {
    std::string program = old_program();
    program.insert(program.rfind('}'), statement + " from \"e.safetensors\"");
    Program now(folder, program);
    CHECK_FALSE(now.begin(folder));
    return now.errors();
  };
  const auto has = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(errors("load encoder"), "E0760");
  has(errors("load encoder"), "it cannot be opened: No such file or directory");
  write_tensors(folder.path("e.safetensors"), {{"linear.weights", {3, 2}, {1, 2, 3, 4, 5, 6}}});
  has(errors("load encoder.linear"), "E0761");
  has(errors("load encoder.linear"), "near are `linear.weights`");
  write_tensors(folder.path("e.safetensors"), {{"weight", {2, 3}, {1, 2, 3, 4, 5, 6}}});
  has(errors("load encoder.linear.weight"),
      "`encoder.linear.weight` is [3, 2] here, and `weight` is [2, 3] in the file");
  write_tensors(folder.path("e.safetensors"),
                {{"weight", {3, 2}, {1, 2, std::numeric_limits<float>::quiet_NaN(), 4, 5, 6}}});
  has(errors("load encoder.linear.weight"), "`weight` of it has no number at place 2 of 6");
  std::filesystem::remove(folder.path("e.safetensors"));
  std::filesystem::create_directory(folder.path("e.safetensors"));
  has(errors("load encoder"), "E0760");
}

TEST_CASE("load refuses hostile files") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  const std::string data(24, '\0');
  for (
      const std::string header :
      {R"({"weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24000000000]}})",
       R"({"weight":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,24]}})",
       R"({"weight":{"dtype":"F32","shape":[3,2],"data_offsets":[24,0]}})",
       R"({"weight":{"dtype":"Q4","shape":[3,2],"data_offsets":[0,24]}})",
       R"({"weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},"b":{"dtype":"F32","shape":[1],"data_offsets":[20,24]}})",
       R"({"__metadata__":{"mtlc.source":"[]"},"weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}})",
       R"({"weight")"}) {
    write_raw(folder.path("e.safetensors"), header, data);
    std::string program = old_program();
    program.insert(program.rfind('}'), "load encoder.linear.weight from \"e.safetensors\"");
    Program now(folder, program);
    const Numbers before = now.at("encoder.linear.weight");
    INFO(header);
    CHECK_FALSE(now.begin(folder));
    CHECK(now.has("E0760"));
    CHECK(now.at("encoder.linear.weight") == before);
  }
}

TEST_CASE("numbers of 16 bits are loaded exactly") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  std::string program = old_program();
  program.insert(program.rfind('}'), "load encoder.linear.weight from \"e.safetensors\"");
  const std::vector<uint16_t> half = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8400, 0x3555};
  const std::vector<uint16_t> brain = {0x3F80, 0xC000, 0x0001, 0x7F7F, 0x8080, 0x3EAB};
  const Numbers halves = {1, -2, 0x1p-24f, 65504, -0x1p-14f, 0x1.554p-2f};
  for (const char* type : {"F16", "BF16"}) {
    const bool is_half = type[0] == 'F';
    const auto& bits = is_half ? half : brain;
    write_raw(folder.path("e.safetensors"),
              R"({"weight":{"dtype":")" + std::string(type) + R"(","shape":[3,2],"data_offsets":[0,12]}})",
              {reinterpret_cast<const char*>(bits.data()), 12});
    Program now(folder, program);
    REQUIRE(now.begin(folder));
    const Numbers taken = now.at("encoder.linear.weight");
    for (size_t i = 0; i < 6; ++i)
      CHECK(std::bit_cast<uint32_t>(taken[i]) ==
            (is_half ? std::bit_cast<uint32_t>(halves[i]) : static_cast<uint32_t>(bits[i]) << 16));
  }
}

TEST_CASE("what is loaded and frozen is in the trained model to the bit; a run with it is resumed to the same bits") {
  TemporaryFolder folder;
  std::ofstream(folder.path("d.tsv")) << kOldData;
  const Numbers numbers = {0.1f, -0.0f, 1e-42f, 0.5f, -1.5f, 7};
  write_tensors(folder.path("e.safetensors"), {{"linear.weight", {3, 2}, numbers}, {"linear.bias", {3}, {1, 2, 3}}});
  std::string text = old_program();
  text.insert(text.rfind('}'),
              "load encoder.linear from \"e.safetensors\"\nfreeze encoder.linear\ntrain { optimizer = adamw(lr = 0.1, "
              "weight_decay = 0.1), clip_norm = 1.0, average = ema(0.5), epochs = 4, batch = 1 }");
  const auto trained = [&](const std::string& run, int64_t updates, bool resume) {
    SourceMap sources;
    diag::Emitter emitter(&sources);
    const auto file = sema::check_text("m.mtl", text, sources, {}, emitter);
    REQUIRE(file);
    data::LoadOptions load;
    load.data_dir = folder.path("");
    TrainOptions options;
    options.run_dir = folder.path(run);
    options.resume = resume;
    options.max_updates = updates;
    Observer none;
    const auto report = train_file(*file, sources, {}, load, options, none, emitter);
    for (const auto& d : emitter.sorted()) UNSCOPED_INFO(d.message);
    REQUIRE(report);
    std::string why;
    auto model = model::load_model(report->model_path, why);
    REQUIRE(model);
    std::map<std::string, Numbers> values;
    for (const model::Tensor& tensor : model->tensors) values[tensor.name] = tensor.values;
    return values;
  };
  const auto whole = trained("whole", 0, false);
  for (size_t i = 0; i < numbers.size(); ++i)
    CHECK(std::bit_cast<uint32_t>(whole.at("encoder.linear.weight")[i]) == std::bit_cast<uint32_t>(numbers[i]));
  CHECK(whole.at("encoder.linear.bias") == Numbers{1, 2, 3});
  trained("parts", 5, false);
  CHECK(trained("parts", 0, true) == whole);
}
