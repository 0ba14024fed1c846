from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RecordingStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECORDING_STATUS_UNSPECIFIED: _ClassVar[RecordingStatus]
    RECORDING_STATUS_RECORDING: _ClassVar[RecordingStatus]
    RECORDING_STATUS_COMPLETED: _ClassVar[RecordingStatus]
    RECORDING_STATUS_FAILED: _ClassVar[RecordingStatus]
RECORDING_STATUS_UNSPECIFIED: RecordingStatus
RECORDING_STATUS_RECORDING: RecordingStatus
RECORDING_STATUS_COMPLETED: RecordingStatus
RECORDING_STATUS_FAILED: RecordingStatus

class RecordingPart(_message.Message):
    __slots__ = ("index", "key", "start_offset_ms", "end_offset_ms", "duration_ms", "label")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    START_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    END_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    index: int
    key: str
    start_offset_ms: int
    end_offset_ms: int
    duration_ms: int
    label: str
    def __init__(self, index: _Optional[int] = ..., key: _Optional[str] = ..., start_offset_ms: _Optional[int] = ..., end_offset_ms: _Optional[int] = ..., duration_ms: _Optional[int] = ..., label: _Optional[str] = ...) -> None: ...

class UpsertRoomRecordingRequest(_message.Message):
    __slots__ = ("room_id", "recording_id", "status", "started_at", "completed_at", "s3_prefix", "metadata_key", "timeline_key", "service_id", "quick_access_parts", "late_composite_parts")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDING_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    S3_PREFIX_FIELD_NUMBER: _ClassVar[int]
    METADATA_KEY_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_KEY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ID_FIELD_NUMBER: _ClassVar[int]
    QUICK_ACCESS_PARTS_FIELD_NUMBER: _ClassVar[int]
    LATE_COMPOSITE_PARTS_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    recording_id: str
    status: RecordingStatus
    started_at: int
    completed_at: int
    s3_prefix: str
    metadata_key: str
    timeline_key: str
    service_id: str
    quick_access_parts: _containers.RepeatedCompositeFieldContainer[RecordingPart]
    late_composite_parts: _containers.RepeatedCompositeFieldContainer[RecordingPart]
    def __init__(self, room_id: _Optional[str] = ..., recording_id: _Optional[str] = ..., status: _Optional[_Union[RecordingStatus, str]] = ..., started_at: _Optional[int] = ..., completed_at: _Optional[int] = ..., s3_prefix: _Optional[str] = ..., metadata_key: _Optional[str] = ..., timeline_key: _Optional[str] = ..., service_id: _Optional[str] = ..., quick_access_parts: _Optional[_Iterable[_Union[RecordingPart, _Mapping]]] = ..., late_composite_parts: _Optional[_Iterable[_Union[RecordingPart, _Mapping]]] = ...) -> None: ...

class UpsertRoomRecordingResponse(_message.Message):
    __slots__ = ("success", "message", "room_id", "recording_id")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDING_ID_FIELD_NUMBER: _ClassVar[int]
    success: bool
    message: str
    room_id: str
    recording_id: str
    def __init__(self, success: _Optional[bool] = ..., message: _Optional[str] = ..., room_id: _Optional[str] = ..., recording_id: _Optional[str] = ...) -> None: ...
