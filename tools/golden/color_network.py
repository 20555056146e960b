"""The colour network that attacks_color.py attacks, and its images: resnet8 for 16x16x3, trained on Fashion-MNIST in random colours with one
step of adversarial training, weights rounded to bfloat16."""
import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from kelvin_run import Normalized, fashion_mnist_part, network

SIZE, IMAGES = 16, 40
MEAN, STD = [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]
TRAINING_EPS = 4 / 255


def coloured(grey, rng):
    """Grey images [N, 28, 28] on grounds and in colours of their own, at half the size: uint8 [N, 16, 16, 3]."""
    v = np.pad(grey / 255, ((0, 0), (2, 2), (2, 2))).reshape(len(grey), SIZE, 2, SIZE, 2).mean((2, 4))[..., None]
    front, ground = rng.uniform(0.4, 1, (len(grey), 1, 1, 3)), rng.uniform(0, 0.6, (len(grey), 1, 1, 3))
    x = ground + v * (front - ground) + rng.normal(0, 0.02, (*v.shape[:3], 3))
    return (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)


def to_torch(images):
    return torch.tensor(images.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()


def wrapped(net):
    return Normalized(net, torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(STD).view(1, 3, 1, 1))


def train():
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    images, labels = fashion_mnist_part("train", 10000)
    x, y = to_torch(coloured(images, rng)), torch.tensor(labels)
    net, _ = network("resnet8", 3, SIZE)
    model, epochs, batch = wrapped(net), 4, 128
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(x) // batch))
    for epoch in range(epochs):
        for rows in torch.randperm(len(x))[:len(x) // batch * batch].split(batch):
            start = (x[rows] + torch.empty_like(x[rows]).uniform_(-TRAINING_EPS, TRAINING_EPS)).clamp(0, 1).requires_grad_()
            g, = torch.autograd.grad(F.cross_entropy(model(start), y[rows]), start)
            moved = (start.detach() + TRAINING_EPS * g.sign() - x[rows]).clamp(-TRAINING_EPS, TRAINING_EPS)
            optimizer.zero_grad()
            loss = F.cross_entropy(model((x[rows] + moved).clamp(0, 1)), y[rows])
            loss.backward()
            optimizer.step()
            schedule.step()
        print("epoch", epoch, loss.item(), flush=True)
    with torch.no_grad():
        for t in net.state_dict().values():
            if t.dtype == torch.float32:
                t.copy_(t.bfloat16())
    return net.eval(), coloured(*fashion_mnist_part("t10k", IMAGES)[:1], rng), fashion_mnist_part("t10k", IMAGES)[1]


def write_network(out, net, images, labels):
    _, name_of = network("resnet8", 3, SIZE)
    safetensors.torch.save_file({name_of(k): t.bfloat16().contiguous() for k, t in net.state_dict().items()
                                 if t.dtype == torch.float32}, out / "weights.safetensors")
    (out / "weights.safetensors").chmod(0o644)
    np.save(out / "images.npy", images)
    np.save(out / "labels.npy", labels.astype(np.int32))


def read_network(out):
    net, name_of = network("resnet8", 3, SIZE)
    weights = safetensors.torch.load_file(out / "weights.safetensors")
    net.load_state_dict({k: weights[name_of(k)].float() for k in net.state_dict() if name_of(k) in weights}, strict=False)
    return net.eval()
