"""The software products, as lists to read.

Here: names, categories, how many CVEs a new version fixes, and which share of which devices has them. Not here: their
versions (``products.py``).
"""

# vendor | name | category | CVEs fixed by a new version | form of version | kind: share …
WINDOWS_AND_MAC_PRODUCTS = """
microsoft|edge_chromium-based|Browser|3|browser|w1 s.6 m.2
microsoft|edge_webview2_runtime|Runtime|0|browser|w.98 s.3
google|chrome|Browser|4|browser|w.8 s.15 m.7
mozilla|firefox|Browser|4|browser|w.35 s.05 m.3
microsoft|365_apps|Office|3|office|w.88 m.4
microsoft|teams|Collaboration|.3|four|w.85 m.7
microsoft|onedrive|Collaboration|.2|four|w.95 m.5
microsoft|.net_framework|Runtime|.6|four|w1 s1
microsoft|.net|Runtime|1.2|dotnet|w.6 s.5
microsoft|asp.net_core|Runtime|.8|dotnet|w.25 s.4
microsoft|visual_c++_redistributable|Runtime|0|four|w.95 s.9
microsoft|visual_studio_code|Developer|.7|semver|w.3 m.35
microsoft|powershell|Shell|.4|semver|w.35 s.4
microsoft|sql_server_2019|Database|1|build|s.25
microsoft|sql_server_management_studio|Database|.2|four|w.06 s.25
microsoft|exchange_server|Mail|1.5|build|s.03
microsoft|windows_defender|Security|0|four|w1 s1
microsoft|update_health_tools|Tool|0|four|w.8
microsoft|intune_management_extension|Management|0|four|w.75
microsoft|xml_core_services|Runtime|.1|four|w.6 s.5
microsoft|access_database_engine|Database|.1|four|w.2
microsoft|windows_terminal|Shell|0|four|w.7
microsoft|calculator|Tool|0|four|w.85
microsoft|photos|Media|.1|four|w.85
microsoft|store|Tool|0|four|w.9
microsoft|sticky_notes|Tool|0|four|w.7
microsoft|company_portal|Management|0|four|w.7 m.6
microsoft|defender_for_endpoint|Security|0|four|s1 m1
microsoft|odbc_driver_17_for_sql_server|Database|.2|build|w.4 s.6
microsoft|ole_db_driver_for_sql_server|Database|.2|build|w.4 s.6
microsoft|web_deploy|Server|.1|four|s.3
microsoft|iis|Server|.3|four|s.4
microsoft|azure_connected_machine_agent|Management|.1|four|s.6
microsoft|monitoring_agent|Management|.1|four|s.8
microsoft|laps|Security|0|four|w.4 s.6
microsoft|report_builder|Database|0|four|s.2
microsoft|snipping_tool|Tool|.1|four|w.9
microsoft|paint_3d|Tool|.3|four|w.3
microsoft|raw_image_extension|Media|.3|four|w.5
microsoft|hevc_video_extensions|Media|.4|four|w.5
microsoft|webp_image_extension|Media|.2|four|w.5
adobe|acrobat_reader_dc|Document|3|calendar|w.6 s.03 m.3
adobe|creative_cloud|Media|.4|four|w.12 m.25
7-zip|7-zip|Tool|.4|calendar2|w.5 s.55
notepad-plus-plus|notepad++|Developer|.4|semver|w.4 s.4
videolan|vlc_media_player|Media|.5|semver|w.25 m.15
zoom|zoom|Collaboration|.9|four|w.55 m.6
oracle|jre|Runtime|2|java|w.25 s.15 m.05
eclipse|temurin|Runtime|1.5|java|w.1 s.15 m.1
python|python|Developer|.8|semver|w.15 s.1 m.4
git|git|Developer|.5|semver|w.2 s.05 m.4
putty|putty|Tool|.2|semver|w.2 s.2
winscp|winscp|Tool|.1|semver|w.12 s.15
wireshark|wireshark|Network|.8|semver|w.06 m.05
nodejs|node.js|Developer|1.2|semver|w.08 s.04 m.25
docker|desktop|Developer|.4|semver|w.07 m.2
openssl|openssl|Library|.8|openssl|w.4 s.35 m.2
haxx|curl|Library|.6|semver|w.9 s.9 m1
sqlite|sqlite|Library|.2|semver|w.35 m.5
cisco|secure_client|Network|.3|four|w.5 m.5
citrix|workspace_app|Remote access|.3|four|w.35 m.1
teamviewer|teamviewer|Remote access|.4|semver|w.15 m.05
slack|slack|Collaboration|.2|semver|w.2 m.4
cisco|webex|Collaboration|.3|four|w.15 m.15
spotify|spotify|Media|0|four|w.12 m.3
dell|supportassist|Management|.3|semver|w.35
dell|command_update|Management|.2|semver|w.4
lenovo|vantage|Management|.1|four|w.2
intel|graphics_driver|Driver|.4|build|w.5
nvidia|gpu_display_driver|Driver|.8|build|w.2
realtek|high_definition_audio_driver|Driver|0|four|w.6
hp|print_and_scan_doctor|Driver|0|four|w.12
vmware|tools|Management|.3|semver|s.7
vmware|horizon_client|Remote access|.2|semver|w.1
veeam|agent|Backup|.3|four|s.4
apache|tomcat|Server|1.2|semver|s.1
apache|log4j|Library|.5|semver|s.2 w.05
progress|moveit_transfer|Server|.5|semver|s.02
apple|safari|Browser|2|semver|m1
apple|xcode|Developer|.2|semver|m.2
apple|pages|Office|0|semver|m.4
apple|keynote|Office|0|semver|m.4
apple|numbers|Office|0|semver|m.4
apple|garageband|Media|0|semver|m.6
apple|imovie|Media|0|semver|m.6
apple|mail|Mail|.2|semver|m1
apple|music|Media|.1|semver|m1
apple|photos|Media|0|semver|m1
apple|xprotect|Security|0|four|m1
apple|facetime|Collaboration|.2|semver|m1
apple|system_settings|Tool|0|semver|m1
apple|terminal|Shell|0|semver|m1
apple|preview|Document|.2|semver|m1
apple|command_line_tools|Developer|0|semver|m.4
jamf|connect|Management|0|semver|m.6
jetbrains|intellij_idea|Developer|.3|semver|w.06 m.2
microsoft|remote_desktop|Remote access|.2|semver|m.5
microsoft|outlook_for_mac|Mail|.2|semver|m.6
contoso|lohnbüro_ü|Business|0|semver|w.3
contoso|warenwirtschaft_größe_l|Business|.1|semver|w.2 s.1
金山软件|wps_office_办公|Office|.6|four|w.03
rarlab|winrar\0|Tool|0|semver|w.12
|scanner_firmware_tool|Driver|0|semver|w.03 s.02
hostile|<img src=x onerror=alert(2)>|Business|.2|semver|w.02
google|android_system_webview|Browser|1|browser|a.95
google|play_services|Runtime|.2|four|a1
whatsapp|whatsapp|Collaboration|.3|four|a.8 i.8
microsoft|outlook|Mail|.1|semver|a.9 i.9
microsoft|authenticator|Security|0|semver|a.9 i.9
""".strip()

LINUX_PACKAGES = """
openssl|.8 bash|.1 glibc|.5 curl|.6 systemd|.3 sudo|.2 python3|.8 perl|.3 vim|1.2 zlib|.1 openssh|.4 gnutls|.3
libxml2|.4 expat|.4 krb5|.3 nss|.2 bind|.5 dbus|.1 git|.5 tar|.1 gzip|0 xz-utils|.1 sqlite|.2 libtiff|.6
libpng|.1 cups|.3 avahi|.2 rsyslog|.1 postfix|.1 nginx|.5 httpd|.8 php|1 postgresql|.5 mysql|1.2 containerd|.4
podman|.4 polkit|.1 networkmanager|.1 grub2|.4 samba|.5 tzdata|0 ca-certificates|0 coreutils|0 findutils|0
grep|0 less|.1 ncurses|.1 readline|0 tmux|0 wget|.2 unzip|.1 libstdc++6|0 rpm|.1 nftables|0 logrotate|0
chrony|0 lsof|0 strace|0 libcap2|.1 pam|.2 shadow|.1 util-linux|.1 libgcrypt|.1 p11-kit|0 libssh|.3 jq|.1
nano|0 rsync|.3 screen|.1 libarchive|.3 file|0 acl|0 attr|0
""".strip()

OPERATING_SYSTEMS = """
microsoft|windows_11|11|windows:26100|w
microsoft|windows_10|11|windows:19045|w
microsoft|windows_server_2022|10|windows:20348|s
microsoft|windows_server_2019|10|windows:17763|s
microsoft|windows_server_2016|10|windows:14393|s
microsoft|windows_server_2012_r2|7|windows:9600|s
apple|mac_os|9|macos|m
google|android|6|semver|a
apple|iphone_os|5|semver|i
""".strip()
