use super::*;

const KEY: &str = "20261123-254775d7-3c7c-4e9d-9880-1d4c5fb3dbd0";

fn entry(name: impl AsRef<[u8]>) -> ZipEntry {
    read_all(&zip_of(&[part(name, b"photo")])).unwrap().0.remove(0)
}

#[test]
fn chinese_names_are_read_in_utf8_and_gbk_whatever_the_flag_says() {
    let utf8 = "用印图片.jpg".as_bytes();
    let in_gbk = b"\xd3\xc3\xd3\xa1\xcd\xbc\xc6\xac.jpg".as_slice();
    for name in [utf8, in_gbk] {
        for flags in [0, 0x0800] {
            let zip = zip_of(&[part(name, b"photo").with_flags(flags)]);
            let (entries, _) = read_all(&zip).unwrap();
            assert_eq!(entries[0].name, "用印图片.jpg", "{flags:x}");
        }
    }
}

#[test]
fn only_the_last_component_of_a_name_is_shown() {
    for name in ["/etc/a.jpg", "../../a.jpg", r"C:\x\a.jpg", r"..\a.jpg", "x/y/a.jpg", "x/a\u{202e}.jpg\n"] {
        assert_eq!(entry(name).name, "a.jpg", "{name:?}");
    }
    // 昞 is 95 5C in GBK: its second byte is no backslash.
    assert_eq!(entry(b"\x95\x5c.jpg").name, "昞.jpg");
    assert_eq!(entry("..").name, "?");
}

#[test]
fn a_photokey_in_the_name_is_found() {
    assert_eq!(entry(format!("公章/张三_{KEY}.jpg")).photokey.as_deref(), Some(KEY));
    assert_eq!(entry(format!("{KEY}/1.jpg")).photokey.as_deref(), Some(KEY));
    assert_eq!(entry("公章/20261123-1.jpg").photokey, None);
}
