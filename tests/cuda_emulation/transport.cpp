// Stands in for libkelvin_mpi.so in programs with an emulated device: messages over the sockets that run_ranks (ranks.h) has made. While a rank waits
// for a message its streams do what they can, because a GPU would not stand still.
#include "kernels/processes/transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <sstream>
#include <vector>

#include "tests/cuda_emulation/runtime.h"

namespace {

struct Header {
  std::int64_t tag, bytes;
};
struct Arrived {
  int from, tag;
  std::vector<char> bytes;
};
struct Peer {
  int socket = -1;
  std::vector<char> in, out;
};
struct Request {
  bool is_sent;
  int peer, tag;
  void* data;
};

std::vector<Peer> peers;
std::deque<Arrived> arrived;

void pump_one(int rank) {
  Peer& p = peers[static_cast<std::size_t>(rank)];
  if (p.socket < 0) return;
  if (const ssize_t n = ::send(p.socket, p.out.data(), p.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL); n > 0)
    p.out.erase(p.out.begin(), p.out.begin() + n);
  else if (n < 0 && errno == EPIPE)
    p.out.clear();  // as MPI, which takes what nobody will read
  char buffer[1 << 16];
  for (ssize_t n = 0; (n = ::recv(p.socket, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
    p.in.insert(p.in.end(), buffer, buffer + n);
  std::size_t at = 0;
  for (Header h; p.in.size() - at >= sizeof h; at += sizeof h + static_cast<std::size_t>(h.bytes)) {
    std::memcpy(&h, p.in.data() + at, sizeof h);
    if (p.in.size() - at - sizeof h < static_cast<std::size_t>(h.bytes)) break;
    const auto begin = p.in.begin() + static_cast<std::ptrdiff_t>(at + sizeof h);
    arrived.push_back({rank, static_cast<int>(h.tag), {begin, begin + h.bytes}});
  }
  p.in.erase(p.in.begin(), p.in.begin() + static_cast<std::ptrdiff_t>(at));
}

void pump() {
  simt::run_what_is_ready();
  for (std::size_t r = 0; r < peers.size(); ++r) pump_one(static_cast<int>(r));
}

void* send(const void* data, std::int64_t bytes, int to, int tag) {
  Peer& p = peers[static_cast<std::size_t>(to)];
  const Header h{tag, bytes};
  const auto add = [&](const void* from, std::size_t n) {
    p.out.insert(p.out.end(), static_cast<const char*>(from), static_cast<const char*>(from) + n);
  };
  add(&h, sizeof h);
  add(data, static_cast<std::size_t>(bytes));
  return new Request{true, to, tag, nullptr};
}

void* receive(void* data, std::int64_t, int from, int tag) { return new Request{false, from, tag, data}; }

int progress(void* given) {
  pump();
  auto* const r = static_cast<Request*>(given);
  bool is_done = r->is_sent && peers[static_cast<std::size_t>(r->peer)].out.empty();
  for (auto a = arrived.begin(); !r->is_sent && !is_done && a != arrived.end(); ++a)
    if (a->from == r->peer && a->tag == r->tag) {
      if (!a->bytes.empty()) std::memcpy(r->data, a->bytes.data(), a->bytes.size());
      arrived.erase(a);
      is_done = true;
      break;
    }
  if (is_done) delete r;
  return is_done ? 1 : 0;
}

int waiting(int tag, std::int64_t* bytes) {
  pump();
  for (const Arrived& a : arrived)
    if (a.tag == tag) {
      *bytes = static_cast<std::int64_t>(a.bytes.size());
      return a.from;
    }
  return -1;
}

void abort_all(int) {}

void finish() {
  for (bool is_left = true; is_left;) {
    is_left = false;
    pump();
    for (const Peer& p : peers) is_left = is_left || !p.out.empty();
  }
}

}  // namespace

extern "C" int kelvin_open_transport(kelvin::Transport* t, char* error, std::int64_t error_bytes) {
  const char* const given = std::getenv("KELVIN_EMULATION_RANKS");  // rank, size, a socket for each rank
  if (given == nullptr) {
    std::snprintf(error, static_cast<std::size_t>(error_bytes), "the emulated device has no MPI");
    return 1;
  }
  std::istringstream text(given);
  text >> t->rank >> t->size;
  peers.resize(static_cast<std::size_t>(t->size));
  for (Peer& p : peers) text >> p.socket;
  t->version = kelvin::kTransportVersion;
  t->local_rank = t->rank;
  t->local_size = t->size;
  std::snprintf(t->host, sizeof t->host, "emulated");
  t->send = send;
  t->receive = receive;
  t->progress = progress;
  t->waiting = waiting;
  t->abort = abort_all;
  t->finish = finish;
  return 0;
}
