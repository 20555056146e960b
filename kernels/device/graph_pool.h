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

  void release_cache();  // before the recording: frees what only the first runs needed
  // From the recording on: no free block goes back to the system, because the graph uses the addresses of free blocks, too.
  void keep_all();

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
