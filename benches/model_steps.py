"""Step times of the networks of model_steps.rs in PyTorch: `python model_steps.py THREADS`."""
import sys, time
import torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
torch.manual_seed(0)


class Recurrent(nn.Module):
    def __init__(self, kind, inputs, hidden, layers):
        super().__init__()
        self.rnn = kind(inputs, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Block(nn.Module):
    def __init__(self, inputs, width, kernel, dilation, causal):
        super().__init__()
        reach = (kernel - 1) * dilation
        self.pad = (reach, 0) if causal else None
        own = 0 if causal else reach // 2
        self.conv1 = nn.Conv1d(inputs, width, kernel, dilation=dilation, padding=own)
        self.bn1 = nn.BatchNorm1d(width)
        self.conv2 = nn.Conv1d(width, width, kernel, dilation=dilation, padding=own)
        self.bn2 = nn.BatchNorm1d(width)
        self.down = nn.Conv1d(inputs, width, 1) if inputs != width else nn.Identity()

    def forward(self, x):
        pad = lambda v: F.pad(v, self.pad) if self.pad else v
        z = F.relu(self.bn1(self.conv1(pad(x))))
        return F.relu(self.bn2(self.conv2(pad(z))) + self.down(x))


class Residual(nn.Module):
    def __init__(self, causal):
        super().__init__()
        widths = [16, 32, 32, 32, 32]
        self.blocks = nn.Sequential(*[Block(widths[i], 32, 3, d, causal) for i, d in enumerate((1, 2, 4, 8))])
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        return self.head(self.blocks(x)[:, :, -1])


class Strided(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [], 1
        for outputs, size, stride in zip((16, 32, 48, 64), (15, 7, 7, 7), (4, 2, 2, 2)):
            layers += [nn.Conv1d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
            inputs = outputs
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(128, 4)

    def forward(self, x):
        z = self.body(x)
        return self.head(torch.cat([z.mean(-1), z.amax(-1)], 1))


class Spectrogram(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(64))
        self.norm = nn.BatchNorm1d(22)
        self.rnn = nn.LSTM(22, 48, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(96, 1)
        self.head = nn.Linear(192, 4)

    def forward(self, x):
        z = torch.stft(x[:, 0], 64, 20, window=self.window, center=True, return_complex=True)
        power = (z.real ** 2 + z.imag ** 2)[:, 2:24] / 64
        states = self.rnn(self.norm(torch.log(power + 1e-3)).transpose(1, 2))[0]
        weights = torch.softmax(self.attention(states), 1)
        return self.head(torch.cat([(states * weights).sum(1), states.amax(1)], 1))


CASES = [
    ("lstm 64x60x16 hidden 64", Recurrent(nn.LSTM, 16, 64, 1), (64, 60, 16)),
    ("lstm 64x60x16 hidden 64, 2 layers", Recurrent(nn.LSTM, 16, 64, 2), (64, 60, 16)),
    ("gru 64x60x16 hidden 64", Recurrent(nn.GRU, 16, 64, 1), (64, 60, 16)),
    ("cnn1d 64x16x256 causal", Residual(True), (64, 16, 256)),
    ("cnn1d 64x16x256 same", Residual(False), (64, 16, 256)),
    ("cnn1d_strided 32x1x1680", Strided(), (32, 1, 1680)),
    ("lstm on log spectrogram 32x1x1680", Spectrogram(), (32, 1, 1680)),
]


def measured(work, repetitions=150):
    for _ in range(10):
        work()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return times[0], times[repetitions // 2]


for name, net, shape in CASES:
    x, y = torch.randn(shape), torch.randn(shape[0], 4)

    def train():
        net.zero_grad(set_to_none=False)
        (net(x) - y).square().mean().backward()

    def evaluate():
        with torch.no_grad():
            net(x)

    net.train()
    a = measured(train)
    net.eval()
    b = measured(evaluate)
    print(f"{name:36} train {a[0]:7.3f} {a[1]:7.3f}   evaluate {b[0]:7.3f} {b[1]:7.3f}")
