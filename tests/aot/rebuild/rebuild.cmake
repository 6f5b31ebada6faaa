# cmake -DMTLC=... -DMTL_MODEL_CMAKE=... -DWORK=... -DCOMPILER=... -P rebuild.cmake
# Builds the project, changes the file that its model uses, and then its weights; a plain build has to follow each.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
foreach(name model.mtl factor.mtl rows.csv)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name} ${WORK}/${name} COPYONLY)
endforeach()

function(train seed)
  execute_process(COMMAND ${MTLC} train ${WORK}/model.mtl --run-dir ${WORK}/run --seed ${seed} --threads 1 --no-cache
                  OUTPUT_QUIET ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(answer out)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${said}")
  endif()
  execute_process(COMMAND ${WORK}/build/rebuild OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  message(STATUS "${said}")
  set(${out} ${said} PARENT_SCOPE)
endfunction()
# Make and Ninja tell changes by time, some file systems by whole seconds.
function(change file text)
  execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)
  file(WRITE ${file} "${text}")
endfunction()

train(1)
execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -DCMAKE_CXX_COMPILER=${COMPILER} -DMTLC_PROGRAM=${MTLC}
                        -DMTL_MODEL_CMAKE=${MTL_MODEL_CMAKE} -DMODEL=${WORK}/model.mtl -DWEIGHTS=${WORK}/run/model.safetensors
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
answer(first)
answer(again)
if(NOT again STREQUAL first)
  message(FATAL_ERROR "nothing changed, and ${again} is not ${first}")
endif()

change(${WORK}/factor.mtl "const factor = -2.0\n")
answer(negated)
if(NOT "-${negated}" STREQUAL first AND NOT negated STREQUAL "-${first}")
  message(FATAL_ERROR "the file that the model uses changed its sign: ${negated} is not -(${first})")
endif()

execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)
train(2)
answer(retrained)
if(retrained STREQUAL negated)
  message(FATAL_ERROR "the weights are others, and the answer is still ${negated}")
endif()

change(${WORK}/factor.mtl "const factor = \n")
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
if(NOT failed OR NOT said MATCHES "factor.mtl:1")
  message(FATAL_ERROR "a mistake in the model has to end the build with its place, not with ${failed}: ${said}")
endif()
