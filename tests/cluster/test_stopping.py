"""SIGTERM and SIGHUP interrupt as Ctrl-C does, whatever else has handlers."""

import os
import signal

import pytest

from harness.cluster.stopping import exit_code, keeping_handlers, stoppable, stopped


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("sigint", [signal.default_int_handler, signal.SIG_IGN])
def test_a_signal_interrupts(number, sigint):
    signal.signal(signal.SIGINT, sigint)
    with pytest.raises(KeyboardInterrupt), stoppable():
        assert not stopped() and exit_code() == 130
        os.kill(os.getpid(), number)
    assert stopped() and exit_code() == 128 + number


def test_tunes_own_handler_of_an_interruption_is_used():
    seen = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    with stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGINT] and exit_code() == 143


def test_nohup_remains():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable():
        os.kill(os.getpid(), signal.SIGHUP)
    assert not stopped()


def test_handlers_that_ray_installs_are_put_back():
    with stoppable():
        ours = signal.getsignal(signal.SIGTERM)
        with keeping_handlers():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGTERM) is ours
        with pytest.raises(KeyboardInterrupt), keeping_handlers():
            raise SystemExit(signal.SIGTERM)  # as Ray's handler does
        assert exit_code() == 143


def test_the_next_command_begins_afresh():
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    with stoppable():
        assert not stopped() and exit_code() == 130
