// A small HTTP/1.1 server for the tests of downloads: GET of one body by path, with Range, on a port of 127.0.0.1 that the system chooses.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kelvin::testing {

class HttpServer {
 public:
  explicit HttpServer(std::map<std::string, std::string> files) : files_(std::move(files)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(socket_, 8);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    thread_.join();
  }
  [[nodiscard]] std::string address() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  // The "Range" header of each request in order; empty for a request without one.
  [[nodiscard]] std::vector<std::string> ranges() {
    const std::lock_guard lock(mutex_);
    return ranges_;
  }
  // A path answers 302 to another one of this server, with more header lines ("X-Linked-Etag: ...\r\n").
  void redirect(const std::string& path, const std::string& to, const std::string& headers) {
    const std::lock_guard lock(mutex_);
    redirections_[path] = "Location: /" + to + "\r\n" + headers;
  }
  std::atomic<bool> takes_ranges = true;
  std::atomic<std::size_t> cut_after = 0;  // closes the connection after that many bytes of a body; 0: never
  std::atomic<bool> stalls = false;        // instead stops sending, and waits until the client closes the connection
  void wait_for_stall() { wait_for(is_stalled_); }
  void wait_for_hang_up() { wait_for(has_hung_up_); }

 private:
  void serve() {
    while (true) {
      const int peer = ::accept(socket_, nullptr, nullptr);
      if (peer < 0) return;
      answer(peer);
      ::close(peer);
    }
  }
  void answer(int peer) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = ::recv(peer, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      request.append(buffer, static_cast<std::size_t>(n));
    }
    const std::size_t start = request.find(' ') + 2;  // behind the slash
    const std::string path = request.substr(start, request.find(' ', start) - start);
    const auto file = files_.find(path);
    const std::size_t at = request.find("Range: bytes=");
    std::size_t from = 0;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = redirections_.find(path); found != redirections_.end())
        return send(peer, "HTTP/1.1 302 Found\r\n" + found->second + "Content-Length: 0\r\nConnection: close\r\n\r\n");
      ranges_.push_back(at == std::string::npos ? "" : request.substr(at + 13, request.find("\r\n", at) - at - 13));
      if (at != std::string::npos && takes_ranges) from = std::strtoull(request.c_str() + at + 13, nullptr, 10);
    }
    if (file == files_.end())
      return send(peer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const std::string& body = file->second;
    if (from >= body.size() && from > 0)
      return send(peer, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    std::string head = from > 0 ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                                      std::to_string(body.size() - 1) + "/" + std::to_string(body.size()) + "\r\n"
                                : "HTTP/1.1 200 OK\r\n";
    head += "Content-Length: " + std::to_string(body.size() - from) + "\r\nConnection: close\r\n\r\n";
    send(peer, head + body.substr(from, cut_after > 0 ? cut_after.load() : std::string::npos));
    if (!stalls) return;
    announce(is_stalled_);
    while (::recv(peer, buffer, sizeof buffer, 0) > 0) {
    }
    announce(has_hung_up_);
  }
  void announce(bool& event) {
    const std::lock_guard lock(mutex_);
    event = true;
    changed_.notify_all();
  }
  void wait_for(const bool& event) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return event; });
  }
  static void send(int peer, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = ::send(peer, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
  }

  std::map<std::string, std::string> files_, redirections_;
  int socket_ = -1;
  unsigned port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stalled_ = false, has_hung_up_ = false;
  std::vector<std::string> ranges_;
  std::thread thread_;
};

}  // namespace kelvin::testing
