// Device memory. Everything runs on one stream, so a block may be reused while the work that used it last is still queued: the new
// work is queued behind it. A captured graph uses its addresses for as long as it exists, so memory that is allocated under a
// `GraphPoolScope` comes from blocks of the graph's own.
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "kernels/device/block_pool.h"
#include "kernels/device/cuda.h"
#include "kernels/device/graph_pool.h"
#include "kernels/device/host_wait.h"

namespace kelvin {
namespace {

void* device_allocate(std::size_t size) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, size);
  if (status != cudaErrorMemoryAllocation) {
    check_cuda(status, "cudaMalloc");  // it also reports errors of earlier work, which are not a lack of memory
    return block;
  }
  cudaGetLastError();  // clears it: out of memory is a normal result here
  return nullptr;
}

void device_free(void* block) {
  if (!device_is_lost()) cudaFree(block);
}

struct Owner {
  BlockPool* pool;
  std::size_t size;
};

struct DevicePools {
  BlockPool common{{device_allocate, device_free}};
  std::vector<BlockPool*> graph_pools;
  BlockPool* active = &common;
  std::size_t in_use = 0, peak = 0;  // of all pools
  std::mutex mutex;
  std::unordered_map<void*, Owner> owners;  // of live blocks
  bool exact = false;                       // for tests

  void release_spare() {
    common.release_spare();
    for (BlockPool* const graph : graph_pools) graph->release_spare();
  }
};

// Never destroyed: tensors with static storage may outlive every other object.
DevicePools& pools() {
  static DevicePools* const instance = new DevicePools;
  return *instance;
}

// For one thread at a time.
PoolUse use_of(const DevicePools& p) {
  PoolUse use{.in_use = p.in_use, .peak = p.peak, .cached = p.common.use().cached};
  for (const BlockPool* graph : p.graph_pools) use.cached += graph->use().cached;
  return use;
}

}  // namespace

void* pool_allocate(const Cuda&, std::size_t bytes) {
  DevicePools& p = pools();
  const std::lock_guard lock(p.mutex);
  const std::size_t size = p.exact ? std::max<std::size_t>(bytes, 1) : pool_block_size(bytes);
  void* block = p.active->take(size);
  if (block == nullptr) {  // this pool has given back its free blocks; now the others do
    p.release_spare();
    block = p.active->take(size);
  }
  if (block == nullptr) throw_out_of_memory("GPU", bytes, use_of(p));
  p.owners[block] = {p.active, size};
  p.in_use += size;
  p.peak = std::max(p.peak, p.in_use);
  return block;
}

void pool_free(const Cuda& cuda, void* block, std::size_t) {
  if (block == nullptr) return;
  if (cuda.is_side()) return cuda.keep_for_side(block);  // the main stream must not reuse it yet
  DevicePools& p = pools();
  const std::lock_guard lock(p.mutex);
  const auto found = p.owners.find(block);
  const Owner owner = found->second;
  p.owners.erase(found);
  p.in_use -= owner.size;
  owner.pool->give_back(block, owner.size);
}

void pool_release_cache(const Cuda&) { pools().common.release_cache(); }

bool release_spare_memory() {
  DevicePools& p = pools();
  const std::lock_guard lock(p.mutex);
  const std::size_t before = use_of(p).cached;
  p.release_spare();
  return use_of(p).cached < before;
}

void throw_out_of_memory_in(const std::string& what) {
  const std::lock_guard lock(pools().mutex);
  const PoolUse use = use_of(pools());
  throw Error(ExitCode::out_of_memory,
              message("out of memory on the GPU: ", what, ", with ", use.in_use, " bytes in use and ", use.cached,
                      " kept for reuse; try a smaller ", "batch-size"_field));
}

PoolUse pool_use(const Cuda&) {
  const std::lock_guard lock(pools().mutex);
  return use_of(pools());
}

void pool_reset_peak(const Cuda&) {
  const std::lock_guard lock(pools().mutex);
  pools().peak = pools().in_use;
}

void pool_use_exact_blocks(const Cuda&) {
  pools().exact = true;
  pools().common.forget_cache(true);
}

GraphPool::GraphPool() : pool_(new BlockPool({device_allocate, device_free})) {
  const std::lock_guard lock(pools().mutex);
  pools().graph_pools.push_back(pool_);
}
// Blocks of tensors that outlive the graph stay, and go back to the system when those tensors end.
GraphPool::~GraphPool() {
  const std::lock_guard lock(pools().mutex);
  std::erase(pools().graph_pools, pool_);
  pool_->release_cache();
  pool_->forget_cache(true);
  if (pool_->use().in_use == 0) delete pool_;
}

void GraphPool::release_cache() { pool_->release_cache(); }
void GraphPool::keep_all() { pool_->keep_all(); }

GraphPoolScope::GraphPoolScope(GraphPool& graph) {
  const std::lock_guard lock(pools().mutex);
  before_ = pools().active;
  pools().active = graph.pool_;
}

GraphPoolScope::~GraphPoolScope() {
  const std::lock_guard lock(pools().mutex);
  pools().active = before_;
}

}  // namespace kelvin
