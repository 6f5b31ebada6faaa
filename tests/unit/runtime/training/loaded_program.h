// A program with its data and first values, as far as it comes without an error.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "compiler/sema/check.h"
#include "compiler/sema/checked.h"
#include "runtime/data/load.h"
#include "runtime/training/compile.h"
#include "runtime/training/initialise.h"
#include "support/diag/emitter.h"
#include "tests/unit/runtime/model/temporary_folder.h"

namespace mtl::training {

struct LoadedProgram {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  std::unique_ptr<sema::CheckedFile> file;
  std::optional<elaborate::Program> program;
  std::optional<data::Dataset> dataset;
  std::unique_ptr<Session> session;  // null after an error

  // The data is in `folder`.
  LoadedProgram(const TemporaryFolder& folder, const std::string& text) {
    file = sema::check_text("m.mtl", text, sources, {}, emitter);
    if (!file) return;
    program = elaborate::describe(*file, emitter);
    if (!program) return;
    data::LoadOptions load;
    load.data_dir = folder.path("");
    dataset = data::load(program->data, load, emitter);
    if (!dataset) return;
    session = Session::open(make_elaborator(*file, program->data, dataset->fitted, emitter), {});
    if (session) initialise(session->params(), *dataset, 1, session->weights());
  }

  std::string errors() const {
    std::string all;
    for (const auto& d : emitter.sorted()) all += diag::render(d, sources, false);
    return all;
  }
};

}  // namespace mtl::training
