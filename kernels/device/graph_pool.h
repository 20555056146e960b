// Memory that belongs to one captured CUDA graph: see pool.cu.
#pragma once

namespace kelvin {

class BlockPool;

class GraphPool {
 public:
  GraphPool();
  ~GraphPool();
  GraphPool(const GraphPool&) = delete;
  GraphPool& operator=(const GraphPool&) = delete;

  void release_cache();  // before the recording: what only the first runs needed
  void
  keep_all();  // from the recording on: the graph names the addresses of free blocks too, so none goes back to the system

 private:
  friend class GraphPoolScope;
  BlockPool* pool_;
};

// While it lives, device memory comes from the graph's pool.
class GraphPoolScope {
 public:
  explicit GraphPoolScope(GraphPool& graph);
  ~GraphPoolScope();
  GraphPoolScope(const GraphPoolScope&) = delete;
  GraphPoolScope& operator=(const GraphPoolScope&) = delete;

 private:
  BlockPool* before_;
};

}  // namespace kelvin
