"""Time of a training step of the networks of `training_step.rs` in PyTorch, one thread.

Prints one line a network: its name and the seconds of every step.
usage: training_step.py STEPS
"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(16, 64, batch_first=True)
        self.head = nn.Linear(64, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[1][0][-1])


class Block(nn.Module):
    def __init__(self, inputs, outputs, dilation):
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, 3, dilation=dilation)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.conv2 = nn.Conv1d(outputs, outputs, 3, dilation=dilation)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.down = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None
        self.padding = (2 * dilation, 0)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(F.pad(x, self.padding))))
        y = self.bn2(self.conv2(F.pad(y, self.padding)))
        return F.relu(y + (x if self.down is None else self.down(x)))


class Cnn1d(nn.Module):
    def __init__(self):
        super().__init__()
        dilations = (1, 2, 4, 8)
        self.blocks = nn.Sequential(*[Block(16 if i == 0 else 32, 32, d) for i, d in enumerate(dilations)])
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        return self.head(self.blocks(x.transpose(1, 2))[:, :, -1])


def run(name, model, steps):
    x, y = torch.rand(16, 64, 60, 16), torch.rand(16, 64, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    seconds = []
    for step in range(steps):
        started = time.perf_counter()
        optimizer.zero_grad()
        loss = F.mse_loss(model(x[step % 16]), y[step % 16])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - started)
    print(name, *seconds)


for name, model in (("lstm", Lstm()), ("cnn1d", Cnn1d())):
    run(name, model, int(sys.argv[1]))
