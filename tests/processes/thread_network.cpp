#include "tests/processes/thread_network.h"

#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

namespace kelvin::testing {
namespace {

struct Receive {
  int from = 0, tag = 0;
  std::byte* to = nullptr;
  bool is_done = false;
};

// Messages wait at the receiver, in the order of sending.
struct Network {
  std::mutex mutex;
  std::map<int, std::list<std::tuple<int, int, Bytes>>> waiting;  // by receiver: sender, tag, bytes
};

thread_local Network* network = nullptr;
thread_local int own_rank = 0;

void* send(const void* data, std::int64_t size, int to, int tag) {
  const auto* const bytes = static_cast<const std::byte*>(data);
  const std::lock_guard lock(network->mutex);
  network->waiting[to].emplace_back(own_rank, tag, Bytes(bytes, bytes + size));
  return new Receive{.is_done = true};
}

void* receive(void* data, std::int64_t /*size*/, int from, int tag) {
  return new Receive{from, tag, static_cast<std::byte*>(data)};
}

int progress(void* given) {
  auto* const request = static_cast<Receive*>(given);
  const std::lock_guard lock(network->mutex);
  auto& waiting = network->waiting[own_rank];
  for (auto m = waiting.begin(); m != waiting.end() && !request->is_done; ++m) {
    auto& [from, tag, bytes] = *m;
    if (from != request->from || tag != request->tag) continue;
    std::ranges::copy(bytes, request->to);
    request->is_done = true;
    waiting.erase(m);
    break;
  }
  if (!request->is_done) return 0;
  delete request;
  return 1;
}

int waiting(int wanted, std::int64_t* size) {
  const std::lock_guard lock(network->mutex);
  for (const auto& [from, tag, bytes] : network->waiting[own_rank])
    if (tag == wanted) {
      *size = static_cast<std::int64_t>(bytes.size());
      return from;
    }
  return -1;
}

}  // namespace

std::vector<std::string> run_ranks(int size, const std::function<void(Processes&)>& rank) {
  Network shared;
  std::vector<std::string> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r)
    threads.emplace_back([&, r] {
      network = &shared;
      own_rank = r;
      Transport t{.version = kTransportVersion,
                  .rank = r,
                  .size = size,
                  .local_rank = r,
                  .local_size = size,
                  .send = send,
                  .receive = receive,
                  .progress = progress,
                  .waiting = waiting,
                  .abort = [](int) {},
                  .finish = [] {}};
      std::snprintf(t.host, sizeof t.host, "node-%d", r);
      try {
        Processes all(t);
        rank(all);
      } catch (const std::exception& e) {
        errors[static_cast<std::size_t>(r)] = e.what();
      }
    });
  for (std::thread& t : threads) t.join();
  return errors;
}

}  // namespace kelvin::testing
