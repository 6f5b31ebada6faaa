// The folder that `mtlc emit cpp` and `mtlc emit object` write.
//
// Nothing of anybody else's is written over or deleted: the folder has to be new, empty, or one that carries the list
// of what mtlc wrote into it, `.mtlc-package`: a line "CHECKSUM PATH" for each file, by which a file that was changed
// since is known. In such a folder other files may stand beside ours.
#pragma once
#include <string>
#include <vector>

#include "compiler/aot/package.h"
#include "support/diag/emitter.h"

namespace mtl::driver {

// Writes the files, and removes those of an earlier package there that this one does not have. False after a report;
// where that is of files that are not ours, nothing was written.
bool write_package(const std::string& folder, const std::vector<aot::PackageFile>& files, diag::Emitter& emitter);

}  // namespace mtl::driver
