// SavedModels on TensorFlow's C API, for Node: what a request needs and no more. tfjs-node's own addon can run them too, but
// hands every run to a thread of TensorFlow and back, keeps the inputs of a run that fails, and knows few types.
//
//   load(directory, tags, config)           a session; `config` is a serialized tensorflow.ConfigProto
//   prepare(session, inputs, outputs)       a call: names of tensors in the graph ("x:0") found once
//   types(call)                             TensorFlow's types of its inputs, then of its outputs
//   run(call, shapes, data)                 [shape, data, shape, data, ...] of the outputs
//   withoutSignals(then)                    calls `then` on behalf of other addons that have TensorFlow compute on this thread
//   held()                                  { tensors, bytes } of the inputs that TensorFlow has not let go
//   trim()                                  gives back memory that only loading and warming up needed
//
// Values of a tensor are any view of its bytes in row-major order; strings are an array of Uint8Array. Outputs are
// ArrayBuffers, or arrays of Uint8Array. Sessions and calls live as long as the process. Everything is synchronous, and
// throws what TensorFlow says.
#include <link.h>
#include <malloc.h>
#include <node_api.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

namespace {

template <auto destroy>
struct With {
  template <typename T>
  void operator()(T* it) const { destroy(it); }
};
using Status = std::unique_ptr<TF_Status, With<TF_DeleteStatus>>;
using Options = std::unique_ptr<TF_SessionOptions, With<TF_DeleteSessionOptions>>;

struct Session {
  TF_Session* session;
  TF_Graph* graph;
};

struct Call {
  TF_Session* session;
  std::vector<TF_Output> inputs, outputs;
  // Of the outputs; what a variable's reference holds has the type of the variable.
  std::vector<TF_DataType> types;
};

TF_DataType typeOf(TF_Output tensor) {
  constexpr int references = 100;
  const int type = TF_OperationOutputType(tensor);
  return static_cast<TF_DataType>(type > references ? type - references : type);
}

// Tensors of one run, whatever becomes of it.
struct Tensors : std::vector<TF_Tensor*> {
  ~Tensors() {
    for (TF_Tensor* tensor : *this)
      if (tensor) TF_DeleteTensor(tensor);
  }
};

// No signal is handled on this thread while TensorFlow has it. oneDNN's matrix multiplications use the stack pointer as one more
// register, so that a signal's frame would be written over other memory. Faults of the thread's own come through.
struct WithoutSignals {
  sigset_t before;
  WithoutSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT}) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
};

// Says what is wrong, once; the caller returns nullptr to Node.
bool fail(napi_env env, const char* message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, nullptr, message);
  return false;
}

bool check(napi_env env, const Status& status) {
  return TF_GetCode(status.get()) == TF_OK || fail(env, TF_Message(status.get()));
}

bool check(napi_env env, napi_status status, const char* what) { return status == napi_ok || fail(env, what); }

bool read(napi_env env, napi_value value, std::string& text) {
  size_t length = 0;
  if (!check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length), "a string is expected")) return false;
  text.resize(length);
  return check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length), "a string is expected");
}

struct Bytes {
  void* data = nullptr;
  size_t size = 0;
};

bool read(napi_env env, napi_value value, Bytes& bytes) {
  static const size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  napi_typedarray_type type;
  if (!check(env, napi_get_typedarray_info(env, value, &type, &bytes.size, &bytes.data, nullptr, nullptr),
             "a typed array is expected") ||
      static_cast<size_t>(type) >= sizeof widths / sizeof *widths)
    return fail(env, "a typed array is expected");
  bytes.size *= widths[type];
  return true;
}

template <typename Each>
bool each(napi_env env, napi_value list, Each then) {
  uint32_t length = 0;
  if (!check(env, napi_get_array_length(env, list, &length), "an array is expected")) return false;
  for (uint32_t i = 0; i < length; i++) {
    napi_value value;
    if (!check(env, napi_get_element(env, list, i, &value), "an array is expected") || !then(value, i)) return false;
  }
  return true;
}

template <size_t count>
bool arguments(napi_env env, napi_callback_info info, napi_value (&values)[count]) {
  size_t given = count;
  return check(env, napi_get_cb_info(env, info, &given, values, nullptr, nullptr), "cannot read the arguments") &&
         (given == count || fail(env, "too few arguments"));
}

template <typename T>
bool read(napi_env env, napi_value value, T*& external) {
  return check(env, napi_get_value_external(env, value, reinterpret_cast<void**>(&external)), "not of this addon");
}

napi_value Load(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  std::string directory;
  std::vector<std::string> names;
  Bytes config;
  const auto named = [&](napi_value value, uint32_t) {
    names.emplace_back();
    return read(env, value, names.back());
  };
  if (!arguments(env, info, values) || !read(env, values[0], directory) || !each(env, values[1], named) ||
      !read(env, values[2], config))
    return nullptr;
  Status status(TF_NewStatus());
  Options options(TF_NewSessionOptions());
  TF_SetConfig(options.get(), config.data, config.size, status.get());
  if (!check(env, status)) return nullptr;
  TF_Graph* graph = TF_NewGraph();
  std::vector<const char*> tags;
  for (const auto& name : names) tags.push_back(name.c_str());
  TF_Session* session;
  {
    WithoutSignals guard;
    session = TF_LoadSessionFromSavedModel(options.get(), nullptr, directory.c_str(), tags.data(),
                                           static_cast<int>(tags.size()), graph, nullptr, status.get());
  }
  if (!check(env, status)) {
    TF_DeleteGraph(graph);
    return nullptr;
  }
  return check(env, napi_create_external(env, new Session{session, graph}, nullptr, nullptr, &result), "out of memory")
             ? result
             : nullptr;
}

// "name:2", or "name" for its first output.
bool find(napi_env env, TF_Graph* graph, const std::string& name, TF_Output& found) {
  const size_t colon = name.rfind(':');
  found.index = colon == std::string::npos ? 0 : std::atoi(name.c_str() + colon + 1);
  found.oper = TF_GraphOperationByName(graph, name.substr(0, colon).c_str());
  if (found.oper && found.index >= 0 && found.index < TF_OperationNumOutputs(found.oper)) return true;
  return fail(env, ("the graph has no tensor " + name).c_str());
}

napi_value Prepare(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  Session* session;
  if (!arguments(env, info, values) || !read(env, values[0], session)) return nullptr;
  auto call = std::make_unique<Call>();
  call->session = session->session;
  const auto into = [&](std::vector<TF_Output>& list) {
    return [&](napi_value value, uint32_t) {
      std::string name;
      TF_Output found;
      if (!read(env, value, name) || !find(env, session->graph, name, found)) return false;
      list.push_back(found);
      return true;
    };
  };
  if (!each(env, values[1], into(call->inputs)) || !each(env, values[2], into(call->outputs)) ||
      !check(env, napi_create_external(env, call.get(), nullptr, nullptr, &result), "out of memory"))
    return nullptr;
  for (TF_Output output : call->outputs) call->types.push_back(typeOf(output));
  call.release();
  return result;
}

napi_value Types(napi_env env, napi_callback_info info) {
  napi_value values[1], result;
  Call* call;
  if (!arguments(env, info, values) || !read(env, values[0], call)) return nullptr;
  napi_create_array(env, &result);
  uint32_t i = 0;
  for (const auto* tensors : {&call->inputs, &call->outputs})
    for (TF_Output tensor : *tensors) {
      napi_value type;
      napi_create_int32(env, typeOf(tensor), &type);
      napi_set_element(env, result, i++, type);
    }
  return result;
}

std::atomic<int64_t> heldTensors, heldBytes;

// A model may keep what it was given: values live until TensorFlow lets them go, on whichever thread.
void letGo(void* data, size_t size, void* isText) {
  if (isText) {
    auto* strings = static_cast<TF_TString*>(data);
    for (size_t i = 0; i < size / sizeof(TF_TString); i++) TF_StringDealloc(strings + i);
  }
  std::free(data);
  heldTensors--;
  heldBytes -= static_cast<int64_t>(size);
}

// A tensor whose values are still to be written.
TF_Tensor* allocate(TF_DataType type, const std::vector<int64_t>& shape, size_t size) {
  static const size_t alignment = TF_TensorDefaultAlignment();
  const bool isText = type == TF_STRING;
  void* data = std::aligned_alloc(alignment, (size / alignment + 1) * alignment);
  if (!data) throw std::bad_alloc();
  if (isText)
    for (size_t i = 0; i < size / sizeof(TF_TString); i++) TF_StringInit(static_cast<TF_TString*>(data) + i);
  heldTensors++;
  heldBytes += static_cast<int64_t>(size);
  return TF_NewTensor(type, shape.data(), static_cast<int>(shape.size()), data, size, letGo, isText ? data : nullptr);
}

bool copyStrings(napi_env env, napi_value list, TF_Tensor* tensor) {
  auto* strings = static_cast<TF_TString*>(TF_TensorData(tensor));
  const size_t elements = TF_TensorByteSize(tensor) / sizeof(TF_TString);
  size_t count = 0;
  return each(env, list, [&](napi_value value, uint32_t i) {
    Bytes bytes;
    if (i >= elements || !read(env, value, bytes)) return false;
    TF_StringCopy(strings + i, static_cast<const char*>(bytes.data), bytes.size);
    return ++count > 0;
  }) && count == elements;
}

bool upload(napi_env env, TF_DataType type, napi_value shapeList, napi_value data, TF_Tensor*& tensor) {
  std::vector<int64_t> shape;
  int64_t elements = 1;
  const bool known = each(env, shapeList, [&](napi_value value, uint32_t) {
    int64_t size = -1;
    if (napi_get_value_int64(env, value, &size) != napi_ok || size < 0) return false;
    shape.push_back(size);
    return !__builtin_mul_overflow(elements, size, &elements);
  });
  const size_t width = type == TF_STRING ? sizeof(TF_TString) : TF_DataTypeSize(type);
  int64_t size;
  if (!known || __builtin_mul_overflow(elements, static_cast<int64_t>(width), &size)) return false;
  Bytes bytes;
  if (type != TF_STRING && (!read(env, data, bytes) || bytes.size != static_cast<size_t>(size))) return false;
  tensor = allocate(type, shape, static_cast<size_t>(size));
  if (type == TF_STRING) return tensor && copyStrings(env, data, tensor);
  if (tensor && size > 0) std::memcpy(TF_TensorData(tensor), bytes.data, bytes.size);
  return tensor;
}

bool copyOut(napi_env env, const void* data, size_t size, napi_value* buffer) {
  void* copy;
  if (!check(env, napi_create_arraybuffer(env, size, &copy, buffer), "out of memory")) return false;
  if (size > 0) std::memcpy(copy, data, size);
  return true;
}

bool download(napi_env env, TF_Tensor* tensor, napi_value* shape, napi_value* data) {
  const int rank = TF_NumDims(tensor);
  napi_create_array_with_length(env, static_cast<size_t>(rank), shape);
  for (int i = 0; i < rank; i++) {
    napi_value size;
    napi_create_int64(env, TF_Dim(tensor, i), &size);
    napi_set_element(env, *shape, static_cast<uint32_t>(i), size);
  }
  if (TF_TensorType(tensor) != TF_STRING) return copyOut(env, TF_TensorData(tensor), TF_TensorByteSize(tensor), data);
  const auto* strings = static_cast<const TF_TString*>(TF_TensorData(tensor));
  const auto count = static_cast<uint32_t>(TF_TensorElementCount(tensor));
  napi_create_array_with_length(env, count, data);
  for (uint32_t i = 0; i < count; i++) {
    napi_value buffer, bytes;
    const size_t size = TF_StringGetSize(strings + i);
    if (!copyOut(env, TF_StringGetDataPointer(strings + i), size, &buffer)) return false;
    napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &bytes);
    napi_set_element(env, *data, i, bytes);
  }
  return true;
}

napi_value Run(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  Call* call;
  if (!arguments(env, info, values) || !read(env, values[0], call)) return nullptr;
  Tensors inputs, outputs;
  for (uint32_t i = 0; i < call->inputs.size(); i++) {
    napi_value shape, data;
    if (!check(env, napi_get_element(env, values[1], i, &shape), "an array of shapes is expected") ||
        !check(env, napi_get_element(env, values[2], i, &data), "an array of values is expected"))
      return nullptr;
    const TF_DataType type = typeOf(call->inputs[i]);
    inputs.push_back(nullptr);
    if (!upload(env, type, shape, data, inputs.back())) {
      fail(env, ("the values of input " + std::to_string(i) + " do not fit its shape and type").c_str());
      return nullptr;
    }
  }
  outputs.resize(call->outputs.size());
  Status status(TF_NewStatus());
  {
    WithoutSignals guard;
    TF_SessionRun(call->session, nullptr, call->inputs.data(), inputs.data(), static_cast<int>(inputs.size()),
                  call->outputs.data(), outputs.data(), static_cast<int>(outputs.size()), nullptr, 0, nullptr, status.get());
  }
  if (!check(env, status)) return nullptr;
  napi_create_array_with_length(env, 2 * outputs.size(), &result);
  for (uint32_t i = 0; i < outputs.size(); i++) {
    napi_value shape, data;
    if (TF_TensorType(outputs[i]) != call->types[i]) {
      fail(env, ("output " + std::to_string(i) + " has another type than the graph says").c_str());
      return nullptr;
    }
    if (!download(env, outputs[i], &shape, &data)) return nullptr;
    napi_set_element(env, result, 2 * i, shape);
    napi_set_element(env, result, 2 * i + 1, data);
  }
  return result;
}

// What loading touched of half a gigabyte stays in this process until somebody needs the room. Segments that cannot be written
// are the file's own bytes: dropped, they come back from the page cache when they are used.
int release(dl_phdr_info* library, size_t, void*) {
  if (!std::strstr(library->dlpi_name, "/libtensorflow_")) return 0;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W)) continue;
    const uintptr_t from = (library->dlpi_addr + segment.p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t to = (library->dlpi_addr + segment.p_vaddr + segment.p_filesz) & ~(page - 1);
    if (to > from) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
  return 0;
}

napi_value Trim(napi_env, napi_callback_info) {
  dl_iterate_phdr(release, nullptr);
  malloc_trim(0);
  return nullptr;
}

napi_value Quietly(napi_env env, napi_callback_info info) {
  napi_value values[1], global, result;
  if (!arguments(env, info, values) || !check(env, napi_get_global(env, &global), "no global object")) return nullptr;
  WithoutSignals guard;
  return check(env, napi_call_function(env, global, values[0], 0, nullptr, &result), "a function is expected") ? result : nullptr;
}

napi_value Held(napi_env env, napi_callback_info) {
  napi_value result, tensors, bytes;
  napi_create_object(env, &result);
  napi_create_int64(env, heldTensors, &tensors);
  napi_create_int64(env, heldBytes, &bytes);
  napi_set_named_property(env, result, "tensors", tensors);
  napi_set_named_property(env, result, "bytes", bytes);
  return result;
}

// An exception of C++ must not cross into Node.
template <napi_value (*function)(napi_env, napi_callback_info)>
napi_value safely(napi_env env, napi_callback_info info) {
  try {
    return function(env, info);
  } catch (const std::exception& error) {
    fail(env, error.what());
    return nullptr;
  }
}

napi_value Init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"load", nullptr, safely<Load>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"prepare", nullptr, safely<Prepare>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"run", nullptr, safely<Run>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"types", nullptr, safely<Types>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"withoutSignals", nullptr, safely<Quietly>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"held", nullptr, safely<Held>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"trim", nullptr, safely<Trim>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}

}  // namespace

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
