"""The credential with which a process calls others: from its environment, or from a file that may change."""

from parkstream_service.settings import own_token


def test_a_credential_of_the_environment_stays():
    assert own_token("mine", {"PARKSTREAM_API_TOKEN": "mine"})() == "mine"
    assert own_token(None, {})() is None


def test_a_credential_in_a_file_is_read_again_when_it_changes(tmp_path):
    file = tmp_path / "token"
    file.write_text("mine\n")
    token = own_token("mine", {"PARKSTREAM_API_TOKEN_FILE": str(file)})
    assert token() == "mine"
    file.write_text("other")
    assert token() == "other"


def test_a_file_that_is_being_changed_keeps_the_credential(tmp_path):
    file = tmp_path / "token"
    file.write_text("mine")
    token = own_token("mine", {"PARKSTREAM_API_TOKEN_FILE": str(file)})
    file.write_text("")
    assert token() == "mine"
    file.unlink()
    assert token() == "mine"
    file.write_text("other")
    assert token() == "other"
